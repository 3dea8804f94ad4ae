//! How often one address may ask: a bucket of tokens that fills with time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Requests that one address may make in a second, in the long run.
pub const RATE: u32 = 100;
/// Requests that one address may make at once.
pub const BURST: u32 = 200;
/// The most addresses whose requests are counted. When there are more, who has been silent for longest is
/// forgotten.
pub const ADDRESSES_MAX: usize = 1_024;

/// The bucket of each address.
#[derive(Debug, Default)]
pub struct Rates(HashMap<IpAddr, Bucket>);

#[derive(Debug)]
struct Bucket {
    /// Requests that it may make now.
    left: f64,
    at: Instant,
}

impl Rates {
    /// Whether an address may ask now. An IPv6 client has a /64 at least, so that counts as one address.
    pub fn admit(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = network(address);
        if !self.0.contains_key(&address) && self.0.len() >= ADDRESSES_MAX {
            self.forget(now);
        }
        let full = f64::from(BURST);
        let bucket = self.0.entry(address).or_insert(Bucket { left: full, at: now });
        let since = now.saturating_duration_since(bucket.at);
        bucket.left = (bucket.left + since.as_secs_f64() * f64::from(RATE)).min(full);
        bucket.at = now;
        let admitted = bucket.left >= 1.0;
        if admitted {
            bucket.left -= 1.0;
        }
        admitted
    }

    /// Forgets those whose bucket is full again, and if there are none, the one that was silent for longest.
    fn forget(&mut self, now: Instant) {
        let refill = Duration::from_secs(u64::from(BURST.div_ceil(RATE)));
        self.0.retain(|_, bucket| now.saturating_duration_since(bucket.at) < refill);
        if self.0.len() >= ADDRESSES_MAX
            && let Some(silent) =
                self.0.iter().min_by_key(|(_, bucket)| bucket.at).map(|(address, _)| *address)
        {
            self.0.remove(&silent);
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_burst_is_served_and_then_the_rate() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let mut admitted = |seconds| {
            let now = start + Duration::from_secs(seconds);
            (0..1000).filter(|_| rates.admit(address("192.0.2.1"), now)).count()
        };
        assert_eq!(admitted(0), BURST as usize);
        assert_eq!(admitted(1), RATE as usize);
        assert_eq!(admitted(100), BURST as usize);
    }

    #[test]
    fn each_address_has_a_bucket_of_its_own() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        while rates.admit(address("2001:db8::1"), now) {}
        for (other, expected) in [
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
        ] {
            assert_eq!(rates.admit(address(other), now), expected, "{other}");
        }
    }

    #[test]
    fn the_table_does_not_grow_beyond_its_limit() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        for number in 0..3 * ADDRESSES_MAX as u32 {
            assert!(rates.admit(IpAddr::V4(number.into()), now));
        }
        assert_eq!(rates.0.len(), ADDRESSES_MAX);
    }
}
