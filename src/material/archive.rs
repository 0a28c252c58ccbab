//! Zip archives as CAs send them, opened in memory and never unpacked to disk. Members that could only be an attack or a mistake
//! (names that climb, links, archives in archives, encrypted ones) are named and not opened; sizes and counts are bounded by
//! what really comes out, not by what the archive claims.

use std::io::{Cursor, Read};

use zeroize::Zeroizing;

use super::Malformed;

/// One file of the archive.
#[derive(Debug)]
pub struct Member {
    /// Its name as stored.
    pub name: String,
    /// Its bytes, or why they were not read.
    pub bytes: Result<Zeroizing<Vec<u8>>, &'static str>,
}

/// Most members: a CA sends a handful.
pub const MAX_MEMBERS: usize = 200;
/// Most bytes in all, unpacked: the limit for one file.
pub const MAX_TOTAL: u64 = 64 << 20;
/// Most unpacked bytes for each packed one; certificates and CRLs pack by 2 to 10, bombs by 1,000.
pub const MAX_RATIO: u64 = 100;

/// Does it begin as a zip file does?
pub fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// The files in the archive, in its own order.
pub fn open(bytes: &[u8]) -> Result<Vec<Member>, Malformed> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| Malformed::new(format!("a broken zip archive: {e}")))?;
    if archive.len() > MAX_MEMBERS {
        return Err(Malformed::new(format!("{} members; pkit opens archives of up to {MAX_MEMBERS}", archive.len())));
    }
    if archive.has_duplicate_names() {
        return Err(Malformed::new("two members have the same name; programs differ in which of them they see"));
    }
    let mut members = Vec::new();
    let mut left = MAX_TOTAL.min(bytes.len() as u64 * MAX_RATIO);
    for index in 0..archive.len() {
        let known = archive.name_for_index(index).and_then(|name| Some(name.ok()?.into_owned()));
        let mut file = match archive.by_index(index) {
            Ok(file) => file,
            Err(zip::result::ZipError::UnsupportedArchive(_) | zip::result::ZipError::InvalidPassword) => {
                members.push(Member {
                    name: known.unwrap_or_else(|| format!("member {}", index + 1)),
                    bytes: Err("encrypted or packed in an unknown way"),
                });
                continue;
            }
            Err(e) => return Err(Malformed::new(format!("member {} of the archive cannot be read: {e}", index + 1))),
        };
        if file.is_dir() {
            continue;
        }
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        if let Some(why) = not_opened(&name, file.is_symlink()) {
            members.push(Member { name, bytes: Err(why) });
            continue;
        }
        // The claimed size, bounded, as capacity: a buffer that grows leaves copies of a key behind.
        let mut content = Zeroizing::new(Vec::with_capacity(file.size().min(left) as usize + 1));
        let read = file.by_ref().take(left + 1).read_to_end(&mut content);
        read.map_err(|e| Malformed::new(format!("the member {name} cannot be unpacked: {e}")))?;
        left = left.checked_sub(content.len() as u64).ok_or_else(|| {
            Malformed::new(format!(
                "more than {MAX_TOTAL} bytes, or {MAX_RATIO} times its own size, come out of the archive at {name}"
            ))
        })?;
        let bytes = if is_zip(&content) { Err("an archive within an archive") } else { Ok(content) };
        members.push(Member { name, bytes });
    }
    Ok(members)
}

/// Why a member is left closed.
fn not_opened(name: &str, link: bool) -> Option<&'static str> {
    let climbs = name.split(['/', '\\']).any(|part| part == "..");
    let drive = name.as_bytes().get(1) == Some(&b':');
    if link {
        Some("a symbolic link")
    } else if climbs || drive || name.starts_with(['/', '\\']) || name.contains('\0') {
        Some("a name that leads out of the archive")
    } else {
        None
    }
}
