//! The picture as indented lines. They are escaped by whoever prints them, as all lines are.

use super::{Card, Picture};

pub(super) fn draw(picture: &Picture) -> Vec<String> {
    let mut drawing = Drawing { picture, drawn: vec![false; picture.cards.len()], lines: Vec::new() };
    for top in picture.tops() {
        drawing.card(top, "", "");
    }
    drawing.lines
}

struct Drawing<'a> {
    picture: &'a Picture,
    drawn: Vec<bool>,
    lines: Vec<String>,
}

impl Drawing<'_> {
    /// `lead` stands before the card's first line, `indent` before all that follows.
    fn card(&mut self, at: usize, lead: &str, indent: &str) {
        let Card { title, role, lines, .. } = &self.picture.cards[at];
        if std::mem::replace(&mut self.drawn[at], true) {
            self.lines.push(format!("{lead}{title} ({role}; see above)"));
            return;
        }
        let below: Vec<usize> = self.picture.below(at).collect();
        let stem = if below.is_empty() { "  " } else { "│ " };
        self.lines.push(format!("{lead}{title} ({role})"));
        self.lines.extend(lines.iter().map(|line| format!("{indent}{stem}{line}")));
        for (n, card) in below.iter().enumerate() {
            let (branch, rest) = if n + 1 == below.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.card(*card, &format!("{indent}{branch}"), &format!("{indent}{rest}"));
        }
    }
}
