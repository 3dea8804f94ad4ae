//! What goes beside a question and its answer: signatures, EDNS options, questions about the server itself.

mod services;
mod signed;
