//! A prober beside: how it tells servers what it found, and how a server takes that in.
