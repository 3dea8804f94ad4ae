//! How a mistake is told: where it stands, what is wrong, and what would be right.
//!
//! ```text
//!   zones/example.com.yaml:14:11: no pool is called `wbe`; did you mean `web`?
//! ```
//!
//! [`Mistakes`] gathers those of one file while it is read; [`Problem`] is what tests compare, and its
//! `Display`, in `sentence.rs`, what people read.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::model::allowed::Refusal;
use super::node::{Style, Text};
use super::octodns;
use crate::name::NameError;
use crate::rdata;

mod sentence;
#[cfg(test)]
mod tests;

/// The most errors told of one file, and the most warnings; whoever made more mends these first.
pub const MISTAKES_MAX: usize = 1000;

/// A mistake in a configuration file, told so that its author can mend it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError {
    /// The file, as it was named to the reader.
    pub file: PathBuf,
    /// Where in it.
    pub at: Location,
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.at != Location::WHOLE_FILE {
            write!(f, "{}:{}:", self.at.line, self.at.column)?;
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// A place in a file, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// In characters, at least 1, never past the end of the line.
    pub width: u32,
}

impl Location {
    /// The file as such, no place in it.
    pub const WHOLE_FILE: Self = Self { line: 0, column: 0, width: 0 };
}

/// Whether a file with this mistake can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but surely does not do what was meant.
    Warning,
}

/// What is wrong with a file. Names of zones and records are in presentation format, with the last dot.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the sentence of each variant says it, in error/sentence.rs")]
pub enum Problem {
    // Files
    Unreadable { detail: String },
    NotUtf8,
    TooLarge { most: usize },
    TooManyFiles { most: usize },
    NoZoneFiles,
    ZoneTwice { zone: String, other: String },
    FileName { name: String },
    TooManyMistakes { most: usize },
    TooManyWarnings { most: usize },
    // YAML
    Syntax { detail: String },
    NeedsQuotes { letter: char },
    Tab,
    OpenQuote,
    EmptyFile,
    TooDeep { most: usize },
    TooManyNodes { most: usize },
    TooManyAliased { most: usize },
    AliasInside,
    DuplicateKey { key: String, first: u32 },
    MergeKey,
    KeyNotScalar,
    Tag { tag: String },
    SecondDocument,
    // Shape
    NotNative { misspelt: Option<String> },
    OctoDns(octodns::Problem),
    Expected { what: &'static str, found: &'static str },
    UnknownKey { place: &'static str, key: String, near: Option<&'static str>, known: String },
    MissingKey { place: &'static str, key: &'static str },
    // Values
    BadDuration { text: String },
    BadTtl { text: String },
    BadSpan { what: &'static str, text: String, least: Duration, most: Duration },
    BadNumber { what: &'static str, text: String, least: u32, most: u32 },
    BadAddress { text: String },
    BadSubnet { text: String },
    BadSocket { text: String, port: u16 },
    BadShare { text: String },
    UnknownPlace { what: &'static str, text: String, near: Option<&'static str> },
    UnknownSubdivision { text: String, country: String, near: Option<&'static str> },
    BadRegion { text: String },
    BadLocation { text: String },
    BadName { text: String, error: NameError },
    BadChoice { what: &'static str, text: String, near: Option<&'static str>, known: String },
    BadStatus { text: String },
    BadPath { text: String },
    BadHost { text: String },
    BadServerName { text: String },
    BadHeader { text: String },
    BadEscape { text: String },
    BadProgram { text: String },
    BadEnvironment { text: String },
    BadUser { text: String },
    NotAllowed(Refusal),
    EmptyText { what: &'static str },
    SaidTooLong { what: &'static str, most: usize },
    BadProberName { text: String },
    SlashInName { text: String },
    BadServer { text: String },
    PlainServer { text: String },
    CaWithoutTls,
    ValueTwice { text: String },
    TooManyServers { most: usize },
    TooManyProbers { most: usize },
    TooManyHeaders { most: usize },
    TooManyEntries { most: usize },
    BadPrefix { text: String },
    BadSecret,
    TwoSecrets,
    UnknownKeyName { name: String },
    NotifyOverTls,
    // The config file
    TwoLogs,
    AdminExposed { address: SocketAddr, missing: &'static str },
    // Checks
    NoKind { kinds: String },
    TwoKinds { kinds: String },
    TimeoutTooLong { timeout: Duration, interval: Duration },
    FastIntervalTooLong { fast: Duration, interval: Duration },
    MissingCa { path: PathBuf },
    CaWithoutVerify,
    NotBuilt { kind: &'static str, feature: &'static str },
    PasswordInFile,
    TwoPasswords,
    UserWithoutPassword,
    BadVariable { text: String },
    ControlCharacters { what: &'static str },
    UnknownCheck { name: String, near: Option<String> },
    UnusedCheck { name: String },
    NoParts,
    TooManyParts { most: usize },
    ChecksTooDeep { most: usize },
    CheckLoop { checks: Vec<String> },
    PushWithin,
    BadPointer { text: String },
    LoadPlace,
    FlapThresholds { suppress: u32, reuse: u32 },
    FlapNeverHolds { suppress: u32 },
    // Pools
    UnknownPool { name: String, near: Option<String> },
    UnusedPool { name: String },
    PoolNameTaken { name: String, first: u32 },
    NoBackends,
    NoAddresses { backend: String },
    NoAddressOrTarget,
    MixedBackends,
    ManyProbes,
    TargetWithoutProbe { backend: String },
    ProbeWithoutCheck { backend: String },
    CheckAddresses { count: usize },
    CheckSettingsUnused { key: &'static str },
    CheckWithoutPort,
    DuplicateTarget { target: String, first: u32 },
    FallbackOfOtherKind { pool: String, fallback: String },
    TooManyAddresses { most: usize },
    DuplicateAddress { address: String, first: u32 },
    MinTtlTooLong { min_ttl: u32, ttl: u32 },
    NoFallback,
    FallbackUnused,
    BadFailback { text: String },
    HashUnused,
    SlowStartUnused { policy: &'static str },
    FallbackLoop { pools: Vec<String> },
    FallbackTooLong { pool: String, most: usize },
    PoolLoop { pools: Vec<String> },
    PoolsTooDeep { pools: Vec<String>, most: usize },
    PoolOfOtherKind { pool: String, inner: String },
    AddressInPools { pool: String, endpoint: String },
    PoolsWithin { pool: String },
    // Rules
    PoolBesideRules { first: u32 },
    NoCatchAll,
    RuleForAll,
    PrivateTarget,
    NowhereNear { backend: String },
    TooManySites { pool: String, most: usize },
    TooManyRules { most: usize },
    TooManySubnets { most: usize },
    RulesOfBothKinds { pool: String, other: String },
    // Shards
    ShardsWithoutWildcard { name: String },
    ShardsNotTransferred { name: String },
    ShardsOfOtherKind { key: &'static str },
    NoShards,
    TooManyShards { most: usize },
    LastShardHasBound,
    ShardWithoutBound,
    BoundsDoNotRise { text: String, before: String },
    NotOneLabel { text: String },
    // Roles
    RoleWithoutPool,
    RoleWithoutCheck { pool: String },
    RoleNeverTold { pool: String, check: &'static str },
    // Records that are made of pools
    NotOfPool { key: &'static str, rtype: String },
    TtlBesidePool,
    ValuesBesidePool,
    NoService { pool: String, backend: String, missing: &'static str },
    HintsWithoutPool,
    TargetsForAddresses { pool: String },
    HintsOfAliasMode,
    HintsByHand,
    // Records
    ZoneName { zone: String, file: String },
    NoNameServers,
    NameServersTwice { first: u32 },
    OutOfZone { name: String, zone: String },
    OwnerTwice { name: String, first: u32 },
    NoRecords { name: String },
    NoValues,
    UnknownType { text: String, near: Option<&'static str> },
    SoaAmongRecords,
    Rdata(rdata::Problem),
    TextTooLong { most: usize },
    DuplicateRecord { first: u32 },
    OnlyOne { rtype: String, name: String },
    CnameBesideOther { name: String, other: String },
    TargetsAtApex { pool: String },
    TargetsBesideOther { name: String, other: String },
    AddressBesidePool { rtype: String, name: String },
    AliasBesideOther { name: String, other: String },
    CnameLoop { names: Vec<String> },
    NameServersAtWildcard { name: String },
    Signed,
    Signatures,
    // Master files
    NoSoa { zone: String },
    NoApexNs { zone: String },
    SoaBelowApex { name: String, zone: String },
    // Probably not what was meant
    DifferentTtl { rtype: String, ttl: u32, least: u32 },
    DottedTarget { text: String, name: String },
    OwnerHasZone { text: String, name: String },
    NameServerWithoutAddress { name: String },
    TargetIsCname { rtype: String, name: String },
    Occluded { what: String, name: String, by: &'static str, at: String },
}

impl Problem {
    /// Whether a file with this can be used.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::OctoDns(octodns::Problem::TargetNotChecked)
            | Self::TooManyWarnings { .. }
            | Self::UnusedCheck { .. }
            | Self::NotAllowed(_)
            | Self::UnusedPool { .. }
            | Self::RoleNeverTold { .. }
            | Self::ShardsNotTransferred { .. }
            | Self::DifferentTtl { .. }
            | Self::DottedTarget { .. }
            | Self::OwnerHasZone { .. }
            | Self::NameServerWithoutAddress { .. }
            | Self::TargetIsCname { .. }
            | Self::Signatures
            | Self::Occluded { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// A range of a file: its bytes, and where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last; where it equals the first, only the beginning is known.
    pub end: u32,
    /// From 1; 0 is the whole file.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// 0 is the file itself, others are those that it includes (`Mistakes::open`).
    pub file: u32,
}

impl Span {
    /// The file as such.
    pub const FILE: Self = Self { start: 0, end: 0, line: 0, column: 0, file: 0 };
}

/// The mistakes of one file and of those that it includes, as they are found.
pub struct Mistakes<'f> {
    file: &'f Path,
    source: &'f str,
    /// What is included, in the order of their numbers, from 1.
    included: Arc<Vec<(PathBuf, Box<str>)>>,
    found: Vec<ConfigError>,
    errors: usize,
    warnings: usize,
}

impl<'f> Mistakes<'f> {
    /// For a file and its text; without the text, widths are 1.
    #[must_use]
    pub fn new(file: &'f Path, source: &'f str) -> Self {
        let included = Arc::default();
        Self { file, source, included, found: Vec::new(), errors: 0, warnings: 0 }
    }

    /// For the same files, with none told.
    pub(super) fn without_any(&self) -> Mistakes<'_> {
        Mistakes { included: Arc::clone(&self.included), ..Mistakes::new(self.file, self.source) }
    }

    /// Whether none is told.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Tells one more, unless there are [`MISTAKES_MAX`] of its severity.
    pub fn add(&mut self, span: Span, problem: Problem) {
        let severity = problem.severity();
        // Each has its own limit, so that no number of warnings hides an error.
        let told = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *told >= MISTAKES_MAX {
            return;
        }
        *told += 1;
        let at = self.location(span);
        let file = self.source(span.file).0.to_path_buf();
        self.found.push(ConfigError { file, at, severity, problem });
    }

    /// Takes in a file that is included, and gives the number that the spans of it have.
    pub(super) fn open(&mut self, file: &Path, text: &str) -> u32 {
        Arc::make_mut(&mut self.included).push((file.to_path_buf(), text.into()));
        self.included.len() as u32
    }

    /// How many errors there are.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// Whether one that was told is such a one.
    pub(super) fn has(&self, is_it: impl Fn(&Problem) -> bool) -> bool {
        self.found.iter().any(|mistake| is_it(&mistake.problem))
    }

    /// A file and its text.
    fn source(&self, number: u32) -> (&Path, &str) {
        let place = (number as usize).checked_sub(1);
        let included = place.and_then(|place| self.included.get(place));
        included.map_or((self.file, self.source), |(file, text)| (file, text))
    }

    /// Whether no more errors will be told, so that looking for the nearest word is in vain.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.errors >= MISTAKES_MAX
    }

    /// The value, or `None` with its mistake told.
    pub fn take<T>(&mut self, span: Span, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(span, problem)).ok()
    }

    /// Says those that were told so far in other words, for a file that says things in another way.
    pub(super) fn reword(&mut self, reworded: impl Fn(Problem) -> Problem) {
        for mistake in &mut self.found {
            let problem = std::mem::replace(&mut mistake.problem, Problem::EmptyFile);
            mistake.problem = reworded(problem);
        }
    }

    /// All of them in the order of the file, each once, then those of each file that it includes.
    #[must_use]
    pub fn finish(mut self) -> Vec<ConfigError> {
        let number = |file: &Path| {
            self.included
                .iter()
                .position(|(included, _)| included == file)
                .filter(|_| file != self.file)
        };
        self.found.sort_by_cached_key(|mistake| {
            (number(&mistake.file), mistake.at.line, mistake.at.column)
        });
        // An alias repeats what its anchor says, mistakes included.
        self.found.dedup();
        let most = MISTAKES_MAX;
        let cut = [
            (self.errors, Problem::TooManyMistakes { most }),
            (self.warnings, Problem::TooManyWarnings { most }),
        ];
        for (_, problem) in cut.into_iter().filter(|(told, _)| *told >= most) {
            self.found.push(ConfigError {
                file: self.file.to_path_buf(),
                at: Location::WHOLE_FILE,
                severity: problem.severity(),
                problem,
            });
        }
        self.found
    }

    /// The place of a part of a scalar, by the bytes of its text.
    ///
    /// It is the whole scalar where the text is not what stands in the file: escapes, several lines.
    pub(super) fn part(&self, text: Text<'_>, range: std::ops::Range<usize>) -> Span {
        let quote = match text.style {
            Style::Plain => 0,
            Style::Quoted => 1,
            Style::Block => return text.span,
        };
        let begin = text.span.start as usize + quote;
        let source = self.source(text.span.file).1;
        if source.get(begin..begin + text.text.len()) != Some(text.text) || text.text.contains('\n')
        {
            return text.span;
        }
        // What is missing is pointed at where it should follow: behind the last character.
        let start = range.start.min(text.text.len());
        let end = range.end.clamp(start, text.text.len());
        let Some(before) = text.text.get(..start) else { return text.span };
        Span {
            start: (begin + start) as u32,
            end: (begin + end) as u32,
            line: text.span.line,
            column: text.span.column + (quote + before.chars().count()) as u32,
            file: text.span.file,
        }
    }

    /// Where a span of the file stands, for people.
    pub(super) fn location(&self, span: Span) -> Location {
        if span == Span::FILE {
            return Location::WHOLE_FILE;
        }
        let source = self.source(span.file).1;
        let source = source.get(span.start as usize..span.end as usize).unwrap_or("");
        let width = source.lines().next().map_or(0, |line| line.trim_end().chars().count());
        Location { line: span.line, column: span.column, width: (width as u32).max(1) }
    }
}
