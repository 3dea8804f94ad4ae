//! Prints the OpenAPI document of the admin API, as a running server gives it at `/openapi.json`.

fn main() {
    println!("{:#}", rotadns::admin::openapi::document());
}
