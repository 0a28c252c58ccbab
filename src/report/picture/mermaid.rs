//! The picture as Mermaid's flowchart text, to be pasted into a page or a wiki.

use super::{Card, Picture};
use crate::report::escape;

pub(super) fn draw(picture: &Picture) -> String {
    let mut text = String::from("flowchart TD\n");
    for (n, card) in picture.cards.iter().enumerate() {
        text.push_str(&format!("    c{n}[\"{}\"]:::{}\n", words(card), card.look.class()));
    }
    for (above, below) in &picture.links {
        text.push_str(&format!("    c{above} --> c{below}\n"));
    }
    text.push_str(CLASSES);
    text
}

/// Mermaid's own line break is the only mark-up within a card.
fn words(card: &Card) -> String {
    let lines = [&card.title, &card.role].into_iter().chain(&card.lines);
    lines.map(|line| escape::mermaid(line)).collect::<Vec<_>>().join("<br/>")
}

/// Fill and text are both given, so the cards are readable on a light and on a dark page.
const CLASSES: &str = "    classDef leaf fill:#ede9fe,stroke:#7c3aed,color:#2e1065
    classDef authority fill:#e0f2fe,stroke:#0284c7,color:#082f49
    classDef anchor fill:#dcfce7,stroke:#16a34a,color:#052e16
    classDef fault fill:#fee2e2,stroke:#dc2626,color:#450a0a,stroke-dasharray:5 4
";
