//! Zones that come from elsewhere: transferred from their primaries, kept on the disk, served until they expire.

pub mod timers;
