//! What goes beside a question and its answer: signatures, EDNS options, questions about the server itself.

mod chaos;
mod cookies;
mod errors;
mod full;
mod options;
mod served;
mod services;
mod signed;
