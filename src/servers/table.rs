//! The rows of a server's table: which directives say a setting, since and until when, and in which words. Each row is one small
//! dictionary between text and `TlsSettings`, typed by its slot, so a row cannot bind a path to a protocol.

use std::panic::RefUnwindSafe;
use std::path::{Path, PathBuf};

use super::build::{Build, Library, Version};
use crate::settings::{Setting, TlsSettings};

/// One setting as one server spells it.
pub struct Directive {
    /// The names of the directives that together say it: mostly one. A name in a block of its own has the block before it:
    /// `service imap-login { inet_listener imap { port`. Of a directive that is said several times the last one counts, unless
    /// the name says which: `SSLCertificateFile#2`. Of two kinds of block with one head a `#` tells the second: `server#80 { listen`.
    pub names: &'static [&'static str],
    since: Version,
    until: Option<Version>,
    library: Option<Library>,
    reach: Reach,
    /// Do later versions know the names all the same, for something else?
    pub stays: bool,
    /// Is it understood, but never written, since there is a better word for it?
    pub only_read: bool,
    /// What they mean.
    pub binding: &'static dyn Binding,
}

impl Directive {
    /// A row for all versions.
    pub const fn new(names: &'static [&'static str], binding: &'static dyn Binding) -> Directive {
        Directive {
            names,
            since: Version::of(&[]),
            until: None,
            library: None,
            reach: Reach::Whole,
            stays: false,
            only_read: false,
            binding,
        }
    }

    /// May also be said for one protocol, address or name.
    pub const fn scoped(mut self) -> Directive {
        self.reach = Reach::Everywhere;
        self
    }

    /// Is said for one protocol, address or name only.
    pub const fn only_scoped(mut self) -> Directive {
        self.reach = Reach::Scopes;
        self
    }

    /// Later versions know the names, too.
    pub const fn stays(mut self) -> Directive {
        self.stays = true;
        self
    }

    /// Is understood and never written.
    pub const fn only_read(mut self) -> Directive {
        self.only_read = true;
        self
    }

    /// Known from this version on.
    pub const fn since(mut self, version: Version) -> Directive {
        self.since = version;
        self
    }

    /// No longer known to this version.
    pub const fn until(mut self, version: Version) -> Directive {
        self.until = Some(version);
        self
    }

    /// Obeyed only by a server that was built with this library.
    pub const fn built_with(mut self, library: Library) -> Directive {
        self.library = Some(library);
        self
    }

    /// Does the row speak of the whole server, or else of a part?
    pub fn speaks_of(&self, whole: bool) -> bool {
        match self.reach {
            Reach::Everywhere => true,
            Reach::Whole => whole,
            Reach::Scopes => !whole,
        }
    }

    /// Does this program know the row?
    pub fn known_to(&self, build: Build) -> bool {
        self.since <= build.version
            && self.until.is_none_or(|until| build.version < until)
            && self.library.is_none_or(|library| library == build.library)
    }
}

/// What a row can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Whole,
    Everywhere,
    Scopes,
}

/// The blocks of a row's name, outermost first, and the name itself.
pub fn blocks(name: &str) -> (Vec<&str>, &str) {
    let mut blocks: Vec<&str> = name.split(BLOCK).collect();
    let name = blocks.pop().unwrap_or(name);
    (blocks, name)
}

/// Stands between a block and what is in it.
pub const BLOCK: &str = " { ";

/// What the names of a row mean, in both directions. Rows are constant, so threads share them and a panic cannot spoil them.
pub trait Binding: Sync + RefUnwindSafe {
    /// The values for the row's names, in their order; where there are several names, "" leaves one out. None where the settings do not speak of it, or where this row has no
    /// word for what they say: `write` notices what nobody said. An error where it is known why it cannot be said.
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str>;

    /// What the values say, in the order of the row's names; "" for a name that the text leaves out. None: not understood.
    fn parse(&self, values: &[&str]) -> Option<TlsSettings>;
}

/// The place of a value of this type. One function serves both directions, hence `&mut`.
pub type Slot<T> = fn(&mut TlsSettings) -> &mut Option<Setting<T>>;

/// A file, by its path.
pub struct File(pub Slot<PathBuf>);

/// A file, by its path behind Dovecot's `<`, which stands for its content.
pub struct ContentOf(pub Slot<PathBuf>);

/// A file, by its path, or nothing in the place of one that holds further out.
pub struct FileOrNone(pub Slot<PathBuf>);

/// The same behind Dovecot's `<`.
pub struct ContentOrNone(pub Slot<PathBuf>);

/// A number, with its unit behind it.
pub struct Number(pub Slot<u32>, pub &'static str);

/// Free text.
pub struct Text(pub Slot<String>);

/// One of a few values; the words are one for each name. The first match is what is written, every match is understood.
pub struct Words<T: 'static>(pub Slot<T>, pub &'static [(T, &'static [&'static str])]);

/// Anything else: one directive for several settings, or several for one.
pub struct Whole {
    /// See [`Binding::spell`].
    pub spell: fn(&TlsSettings) -> Option<Vec<String>>,
    /// See [`Binding::parse`].
    pub parse: fn(&[&str]) -> Option<TlsSettings>,
}

/// What the server would ignore without a word: a row without names that says why not.
pub struct Never {
    /// When it applies.
    pub when: fn(&TlsSettings) -> bool,
    /// Why not, and what else to do.
    pub why: &'static str,
}

impl Binding for File {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        get(self.0, settings).map(|path| Ok(vec![path_text(&path)?.to_owned()])).transpose()
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        let [path] = values else { return None };
        path.starts_with('/').then(|| with(self.0, PathBuf::from(path)))
    }
}

impl Binding for ContentOf {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        get(self.0, settings).map(|path| Ok(vec![format!("<{}", path_text(&path)?)])).transpose()
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        let [value] = values else { return None };
        File(self.0).parse(&[value.strip_prefix('<')?.trim_start()])
    }
}

impl Binding for FileOrNone {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        or_none(self.0, settings).map_or_else(|| File(self.0).spell(settings), Ok)
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        if values == [""] { Some(with(self.0, PathBuf::new())) } else { File(self.0).parse(values) }
    }
}

impl Binding for ContentOrNone {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        or_none(self.0, settings).map_or_else(|| ContentOf(self.0).spell(settings), Ok)
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        if values == [""] { Some(with(self.0, PathBuf::new())) } else { ContentOf(self.0).parse(values) }
    }
}

impl Binding for Number {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        Ok(get(self.0, settings).map(|number| vec![format!("{number}{}", self.1)]))
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        let [value] = values else { return None };
        let digits = value.strip_suffix(self.1)?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse().ok().map(|number| with(self.0, number)) } else { None }
    }
}

impl Binding for Text {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        Ok(get(self.0, settings).map(|text| vec![text]))
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        let [text] = values else { return None };
        (!text.is_empty() && !text.starts_with('<')).then(|| with(self.0, (*text).to_owned()))
    }
}

impl<T: Copy + PartialEq + Sync + RefUnwindSafe> Binding for Words<T> {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        let words = |value| self.1.iter().find(|(known, _)| *known == value).map(|(_, words)| *words);
        Ok(get(self.0, settings).and_then(words).map(|words| words.iter().map(|w| (*w).to_owned()).collect()))
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        self.1.iter().find(|(_, words)| *words == values).map(|(value, _)| with(self.0, *value))
    }
}

impl Binding for Whole {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        Ok((self.spell)(settings))
    }

    fn parse(&self, values: &[&str]) -> Option<TlsSettings> {
        (self.parse)(values)
    }
}

impl Binding for Never {
    fn spell(&self, settings: &TlsSettings) -> Result<Option<Vec<String>>, &'static str> {
        if (self.when)(settings) { Err(self.why) } else { Ok(None) }
    }

    fn parse(&self, _: &[&str]) -> Option<TlsSettings> {
        None
    }
}

fn or_none(slot: Slot<PathBuf>, settings: &TlsSettings) -> Option<Option<Vec<String>>> {
    get(slot, settings).filter(|path| path.as_os_str().is_empty()).map(|_| Some(vec![String::new()]))
}

fn get<T>(slot: Slot<T>, settings: &TlsSettings) -> Option<T> {
    slot(&mut settings.clone()).take().map(|setting| setting.value)
}

fn with<T>(slot: Slot<T>, value: T) -> TlsSettings {
    let mut settings = TlsSettings::default();
    *slot(&mut settings) = Some(value.into());
    settings
}

fn path_text(path: &Path) -> Result<&str, &'static str> {
    if !path.is_absolute() {
        return Err("a server needs a path that begins with `/`; it does not know the directory you are in");
    }
    path.to_str().ok_or("the path is not UTF-8, which a configuration file cannot hold safely; choose another name")
}
