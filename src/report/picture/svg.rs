//! The picture as SVG: cards in rows, issuers above what they issued. No script, no font and no image from elsewhere; light and
//! dark as the reader's system is.

use std::fmt::Write;

use super::layout::{DROP, LINE, Layout, Place, TITLE, WIDTH};
use super::{Card, Picture};
use crate::report::escape;

pub(super) fn draw(picture: &Picture) -> String {
    let layout = Layout::of(picture);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\">\n\
         <title>Certificate chain</title>\n<style>{STYLE}</style>\n{ARROW}\n\
         <rect class=\"page\" width=\"{w}\" height=\"{h}\"/>\n",
        w = layout.width,
        h = layout.height,
    );
    for (above, below) in &picture.links {
        svg.push_str(&link(&layout.places[*above], &layout.places[*below]));
    }
    for (card, place) in picture.cards.iter().zip(&layout.places) {
        svg.push_str(&drawn(card, place));
    }
    svg.push_str("</svg>\n");
    svg
}

/// From the issuer's lower edge to the upper edge of what it issued, wherever that stands.
fn link(above: &Place, below: &Place) -> String {
    let (x1, y1) = (above.x + WIDTH / 2, above.y + above.height);
    let (x2, y2) = (below.x + WIDTH / 2, below.y.saturating_sub(ARROW_LENGTH));
    let (bend1, bend2) = (y1 + DROP / 2, y2.saturating_sub(DROP / 2));
    format!("<path class=\"link\" marker-end=\"url(#arrow)\" d=\"M{x1} {y1}C{x1} {bend1} {x2} {bend2} {x2} {y2}\"/>\n")
}

/// The tooltip has the whole title and role, which on the card may be cut.
fn drawn(card: &Card, place: &Place) -> String {
    let Place { x, y, height } = *place;
    let class = card.look.class();
    let mut svg = format!(
        "<g class=\"{class}\" transform=\"translate({x} {y})\"><title>{} ({})</title>\n\
         <rect class=\"card\" width=\"{WIDTH}\" height=\"{height}\" rx=\"10\"/>\
         <rect class=\"mark\" x=\"14\" y=\"16\" width=\"4\" height=\"{}\" rx=\"2\"/>\n",
        escape::xml(&card.title),
        escape::xml(&card.role),
        height - 32,
    );
    let mut text = |class: &str, y: usize, words: &str, columns: usize| {
        let words = escape::xml(&cut(&escape::visible(words), columns));
        // Writing into a string does not fail.
        let _ = writeln!(svg, "<text class=\"{class}\" x=\"32\" y=\"{y}\">{words}</text>");
    };
    text("role", 26, &card.role, 46);
    text("name", 49, &card.title, 34);
    for (n, line) in card.lines.iter().enumerate() {
        text("line", TITLE + LINE * (n + 1) - 6, line, 52);
    }
    svg.push_str("</g>\n");
    svg
}

/// So much of a text as fits; ideographs and their like are two columns wide.
fn cut(text: &str, columns: usize) -> String {
    let wide = |c: char| matches!(c as u32, 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xff60 | 0x1f300..=0x3fffd);
    let width = |c: char| if wide(c) { 2 } else { 1 };
    if text.chars().map(width).sum::<usize>() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += width(*c);
        used <= columns
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The head reaches this far beyond the end of its line.
const ARROW_LENGTH: usize = 8;

const ARROW: &str = "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"0\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
                     markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"head\" d=\"M0 0.5 8 4 0 7.5Z\"/></marker></defs>";

const STYLE: &str = "
.page{fill:#f8fafc}
.card{fill:#fff;stroke:#cbd5e1}
.link{fill:none;stroke:#94a3b8;stroke-width:1.5}
.head{fill:#94a3b8}
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}
.name{font-size:16px;font-weight:600;fill:#0f172a}
.line{font-size:12px;fill:#475569}
.role{font-size:11px;font-weight:600}
.leaf .mark{fill:#7c3aed}.leaf .role{fill:#6d28d9}
.authority .mark{fill:#0284c7}.authority .role{fill:#0369a1}
.anchor .mark{fill:#16a34a}.anchor .role{fill:#15803d}
.fault .mark{fill:#dc2626}.fault .role{fill:#b91c1c}
.fault .card{stroke:#f87171;stroke-dasharray:6 4}
@media (prefers-color-scheme:dark){
.page{fill:#0f172a}
.card{fill:#1e293b;stroke:#334155}
.link{stroke:#64748b}
.head{fill:#64748b}
.name{fill:#f1f5f9}
.line{fill:#cbd5e1}
.leaf .role{fill:#c4b5fd}
.authority .role{fill:#7dd3fc}
.anchor .role{fill:#86efac}
.fault .role{fill:#fca5a5}
}
";
