//! Every type's text and wire form, every mistake's sentence.

use super::*;
