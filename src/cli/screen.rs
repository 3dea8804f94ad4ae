//! What stdout is: its width, and whether it takes colours; tables and times that fit it.

use std::env;
use std::io::{IsTerminal as _, stderr, stdout};

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::plain::plain;

/// The narrowest screen that is written for; a narrower one breaks lines by itself.
const WIDTH_MIN: u16 = 40;
/// The narrowest that a column of sentences becomes while another can be left out; `connection refused` fits.
const BROKEN_MIN: u16 = 18;

/// Where a command's output goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    pub(super) is_terminal: bool,
    is_coloured: bool,
    /// In characters; `None` where lines may have any length.
    width: Option<u16>,
}

/// What a word means to whoever looks for trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Odd,
    Bad,
    Faint,
    Strong,
}

impl Screen {
    /// As stdout is. `COLUMNS` sets the width, and `NO_COLOR` forbids colours.
    pub(super) fn of_stdout() -> Self {
        let is_terminal = stdout().is_terminal();
        let columns = env::var("COLUMNS").ok();
        let terminal = is_terminal.then(|| Table::new().width()).flatten();
        let width = width(columns.as_deref(), terminal);
        Self { is_terminal, is_coloured: is_terminal && may_colour(), width }
    }

    /// As stderr is; only sentences go there.
    pub(super) fn of_stderr() -> Self {
        let is_terminal = stderr().is_terminal();
        Self { is_terminal, is_coloured: is_terminal && may_colour(), width: None }
    }

    /// What no terminal reads.
    #[cfg(test)]
    pub(super) fn plain(width: Option<u16>) -> Self {
        Self { is_terminal: false, is_coloured: false, width }
    }

    /// Whether it takes colours.
    pub(super) fn is_coloured(self) -> bool {
        self.is_coloured
    }

    /// How many lines it has; `None` where there is no end.
    pub(super) fn height(self) -> Option<usize> {
        #[cfg(target_os = "linux")]
        if self.is_terminal
            && let Ok(size) = rustix::termios::tcgetwinsize(stdout())
        {
            return Some(usize::from(size.ws_row)).filter(|rows| *rows > 0);
        }
        None
    }

    /// A text in the colour of its tone; it holds nothing that a terminal would obey.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let text = plain(text);
        let code = match tone {
            _ if !self.is_coloured => return text.into_owned(),
            Tone::Plain => return text.into_owned(),
            Tone::Good => "32",
            Tone::Odd => "33",
            Tone::Bad => "1;31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A table with these columns, no wider than the screen.
    pub(super) fn grid(self, columns: &'static [Column]) -> Grid {
        Grid { screen: self, columns, rows: Vec::new() }
    }

    fn table(self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.force_no_tty();
        if self.is_coloured {
            table.enforce_styling();
        }
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        table
    }

    /// A text, broken where the screen ends.
    pub(super) fn paragraph(self, tone: Tone, text: &str) -> String {
        let mut table = self.table();
        table.add_row([cell(text, tone)]);
        for column in table.column_iter_mut() {
            column.set_padding((0, 0));
        }
        lines(&table)
    }
}

/// A column of a table, by its title.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Never broken.
    Whole(&'static str),
    /// Never broken, and left out where the screen is too narrow for all; the last one first.
    Wide(&'static str),
    /// Broken into lines of [`BROKEN_MIN`] or more.
    Broken(&'static str),
    /// The name of the row, whole so that it can be copied; broken only where nothing is left to leave out.
    Name(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Whole(title) | Self::Wide(title) | Self::Broken(title) | Self::Name(title) => {
                title
            }
        }
    }

    /// The least width for contents of this one, without what is between columns.
    fn least(self, contents: u16) -> u16 {
        match self {
            Self::Broken(_) => contents.min(BROKEN_MIN),
            Self::Whole(_) | Self::Wide(_) | Self::Name(_) => contents,
        }
    }
}

/// A table that grows by rows.
pub(super) struct Grid {
    screen: Screen,
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// Adds a row, a cell for each column.
    pub(super) fn row<const N: usize>(&mut self, cells: [(&str, Tone); N]) {
        self.rows.push(cells.into_iter().map(|(text, tone)| cell(text, tone)).collect());
    }

    /// Its lines.
    pub(super) fn lines(&self) -> String {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let mut table = self.table(&shown);
        let Some(width) = self.screen.width else { return lines(&table) };
        let contents = table.column_max_content_widths();
        let is_wide = |&column: &usize| matches!(self.columns[column], Column::Wide(_));
        let mut is_whole = fits(self.columns, &contents, &shown, width);
        while !is_whole && let Some(last) = shown.iter().rposition(is_wide) {
            shown.remove(last);
            is_whole = fits(self.columns, &contents, &shown, width);
        }
        table = self.table(&shown);
        for (&column, place) in shown.iter().zip(0..) {
            let is_kept = match self.columns[column] {
                Column::Whole(_) | Column::Wide(_) => true,
                Column::Name(_) => is_whole,
                Column::Broken(_) => false,
            };
            if is_kept && let Some(column) = table.column_mut(place) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        lines(&table)
    }

    fn table(&self, shown: &[usize]) -> Table {
        let mut table = self.screen.table();
        let title = |&column: &usize| cell(self.columns[column].title(), Tone::Strong);
        table.set_header(shown.iter().map(title));
        for row in &self.rows {
            table.add_row(shown.iter().map(|&column| row[column].clone()));
        }
        // Set off from the lines around it, a table would be a column wider for nothing.
        if let Some(first) = table.column_mut(0) {
            first.set_padding((0, 1));
        }
        table
    }
}

/// Whether the columns that are shown have room with contents of these widths.
fn fits(columns: &[Column], contents: &[u16], shown: &[usize], width: u16) -> bool {
    // A blank on either side of each, but at the edge.
    let between = 2 * shown.len() - 1;
    let least = |&column: &usize| usize::from(columns[column].least(contents[column]));
    shown.iter().map(least).sum::<usize>() + between <= usize::from(width)
}

/// The width by `COLUMNS`, else by the terminal. One of 0 says that it does not know, as in containers and under `expect`.
fn width(columns: Option<&str>, terminal: Option<u16>) -> Option<u16> {
    let columns =
        columns.and_then(|columns| columns.parse::<u16>().ok()).filter(|columns| *columns > 0);
    let width = columns.or_else(|| terminal.filter(|columns| *columns > 0));
    width.map(|width| width.max(WIDTH_MIN))
}

fn may_colour() -> bool {
    env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// A table's lines, without the blanks at their ends.
fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A cell of a table; it holds nothing that a terminal would obey.
fn cell(text: &str, tone: Tone) -> Cell {
    let cell = Cell::new(plain(text));
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Odd => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Tone::Faint => cell.add_attribute(Attribute::Dim),
        Tone::Strong => cell.add_attribute(Attribute::Bold),
    }
}

/// The time by this machine's clock.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// The time of day, as the clock on the operator's wall has it; with the date where that is another.
pub(super) fn clock(at: Timestamp, now: Timestamp) -> String {
    let zone = TimeZone::system();
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone));
    let format = if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    at.strftime(format).to_string()
}

/// A span of time in its two greatest units: `31 s`, `3 h 12 min`. What lies ahead is none.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 60 => format!("{minutes} min {} s", seconds % 60),
        () if hours < 24 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

/// A number with its thousands apart.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_read_as_people_say_them() {
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        for (seconds, expected) in [
            (-5, "0 s"),
            (31, "31 s"),
            (60, "1 min 0 s"),
            (3_599, "59 min 59 s"),
            (11_520, "3 h 12 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(at(1_000), at(1_000 + seconds)), expected);
        }
        for (count, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(number(count), expected);
        }
    }

    #[test]
    fn a_width_of_0_is_none_that_is_known() {
        for (columns, terminal, expected) in [
            (None, None, None),
            (None, Some(0), None),
            (Some("0"), Some(0), None),
            (Some("0"), Some(120), Some(120)),
            (Some("80"), Some(120), Some(80)),
            (Some("wide"), Some(120), Some(120)),
            (Some("7"), None, Some(WIDTH_MIN)),
        ] {
            assert_eq!(width(columns, terminal), expected, "{columns:?} {terminal:?}");
        }
    }

    #[test]
    fn a_table_is_as_wide_as_the_screen_and_obeys_nobody() {
        let screen = |width, is_coloured| Screen { is_terminal: is_coloured, is_coloured, width };
        let fill = |screen: Screen| {
            let mut grid = screen.grid(&[
                Column::Whole("BACKEND"),
                Column::Wide("SHARE"),
                Column::Broken("REASON"),
            ]);
            grid.row([
                ("example.com/web/\u{1b}[2J", Tone::Bad),
                ("75.0 %", Tone::Plain),
                ("many words that do not fit into one line", Tone::Plain),
            ]);
            grid.lines()
        };
        let text = fill(screen(Some(50), false));
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("SHARE"), "{text:?}");
        assert_eq!(
            fill(screen(None, false)).lines().count(),
            2,
            "a line each where there is no end"
        );
        let coloured = fill(screen(None, true));
        let first: Vec<&str> = coloured.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(
            first.iter().all(|word| !word.ends_with('m')),
            "each begins at the edge: {coloured:?}"
        );
        assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}[2J"), "{coloured:?}");
    }
}
