//! What the operating system and the processor give, and all the `unsafe` there is.

#![expect(
    unsafe_code,
    reason = "system calls and processor hints; each block says why it is sound"
)]

#[cfg(target_os = "linux")]
pub mod batch;
pub mod files;
pub mod memory;
pub mod priority;
#[cfg_attr(not(target_os = "linux"), path = "sandbox_elsewhere.rs")]
pub mod sandbox;
#[cfg(target_os = "linux")]
pub mod spread;
#[cfg_attr(not(target_os = "linux"), path = "user_elsewhere.rs")]
pub mod user;

/// Asks the processor to bring the cache line at `bytes[at]` closer; nothing where there is none.
#[inline]
pub fn prefetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see, and the address is inside a slice.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}
