//! The rows of a server's table: which directives say a setting, since and until when, and in which words. Each row is one small
//! dictionary between text and `TlsSettings`, typed by its slot, so a row cannot bind a path to a protocol.

use std::panic::RefUnwindSafe;
use std::path::{Path, PathBuf};

use super::build::{Build, Library, Version};
use crate::settings::{Setting, TlsSettings};

/// One setting as one server spells it.
pub struct Directive {
    /// The names of the directives that together say it: mostly one.
    pub names: &'static [&'static str],
    since: Version,
    until: Option<Version>,
    library: Option<Library>,
    /// What they mean.
    pub binding: &'static dyn Binding,
}

impl Directive {
    /// A row for all versions.
    pub const fn new(names: &'static [&'static str], binding: &'static dyn Binding) -> Directive {
        Directive { names, since: Version::of(&[]), until: None, library: None, binding }
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

    /// Does this program know the row?
    pub fn known_to(&self, build: Build) -> bool {
        self.since <= build.version
            && self.until.is_none_or(|until| build.version < until)
            && self.library.is_none_or(|library| library == build.library)
    }
}

/// What the names of a row mean, in both directions. Rows are constant, so threads share them and a panic cannot spoil them.
pub trait Binding: Sync + RefUnwindSafe {
    /// The values for the row's names, in their order. None where the settings do not speak of it, or where this row has no
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
