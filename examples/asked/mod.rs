//! What is asked where answers are measured.

/// A query for A of a name in `example.` with EDNS, as resolvers send it.
pub(super) fn query(label: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    rotadns::name::parse_into(format!("{label}.example.").as_bytes(), &[0], &mut query)
        .expect("it is a name");
    query.extend_from_slice(&[0, 1, 0, 1]);
    query.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    query
}
