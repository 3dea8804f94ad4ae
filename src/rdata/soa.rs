//! The five numbers of a SOA's RDATA (RFC 1035 §3.3.13), which stand behind its two names.

/// SERIAL, REFRESH, RETRY, EXPIRE and MINIMUM; `None` where the RDATA is too short for them.
#[must_use]
pub fn soa_numbers(rdata: &[u8]) -> Option<[u32; 5]> {
    let (numbers, _) = rdata.last_chunk::<20>()?.as_chunks::<4>();
    let numbers: &[[u8; 4]; 5] = numbers.try_into().ok()?;
    Some(numbers.map(u32::from_be_bytes))
}

/// The serial; `None` as for [`soa_numbers`].
#[must_use]
pub fn soa_serial(rdata: &[u8]) -> Option<u32> {
    soa_numbers(rdata).map(|[serial, ..]| serial)
}

/// Sets the serial, where there is one.
pub fn set_soa_serial(rdata: &mut [u8], serial: u32) {
    if let Some(numbers) = rdata.last_chunk_mut::<20>() {
        numbers[..4].copy_from_slice(&serial.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc1035_3_3_13_the_numbers_stand_behind_the_names() {
        let mut rdata = b"\x01a\x00\x00".to_vec();
        assert_eq!(soa_numbers(&rdata), None);
        rdata.extend((1..=5_u32).flat_map(u32::to_be_bytes));
        assert_eq!(soa_numbers(&rdata), Some([1, 2, 3, 4, 5]));
        set_soa_serial(&mut rdata, u32::MAX);
        assert_eq!(soa_serial(&rdata), Some(u32::MAX));
        assert_eq!(rdata[..4], *b"\x01a\x00\x00");
    }
}
