//! Pictures of chains: cards and the links between them, drawn as a `tree` for terminals, as `mermaid` for pages and wikis, and
//! as `svg`. What stands on a card is the caller's; escaping for each of them is done here.

mod layout;
mod mermaid;
mod svg;
mod tree;

/// Cards with links, those above before those below.
#[derive(Debug, Default)]
pub struct Picture {
    /// The cards.
    pub cards: Vec<Card>,
    /// Above and below, by their places among the cards.
    pub links: Vec<(usize, usize)>,
}

/// One thing in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its name.
    pub title: String,
    /// What it is, in a few words.
    pub role: String,
    /// What is to be said about it.
    pub lines: Vec<String>,
    /// How it looks, besides its words.
    pub look: Look,
}

/// The kinds of cards. Colours only repeat what the words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A certificate that is served.
    Leaf,
    /// A CA between.
    Authority,
    /// A CA at the top that is trusted.
    Anchor,
    /// Something is wrong with it: it is missing or expired.
    Fault,
}

impl Look {
    /// Its name in style sheets.
    fn class(self) -> &'static str {
        match self {
            Look::Leaf => "leaf",
            Look::Authority => "authority",
            Look::Anchor => "anchor",
            Look::Fault => "fault",
        }
    }
}

impl Picture {
    /// For terminals: lines with branches, each card once with its words and by its name wherever it comes again.
    pub fn tree(&self) -> Vec<String> {
        tree::draw(self)
    }

    /// A Mermaid flowchart (mermaid.js.org).
    pub fn mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// A picture that needs nothing else and runs nothing.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }

    /// The cards that nothing stands above; of those that stand above each other in a ring, the first.
    fn tops(&self) -> Vec<usize> {
        let mut reached = vec![false; self.cards.len()];
        let mut tops = Vec::new();
        let free = |card: &usize| !self.links.iter().any(|(_, below)| below == card);
        let all = 0..self.cards.len();
        for top in all.clone().filter(free).chain(all) {
            if !reached[top] {
                tops.push(top);
                self.reach(top, &mut reached);
            }
        }
        tops
    }

    fn reach(&self, from: usize, reached: &mut [bool]) {
        let mut next = vec![from];
        while let Some(card) = next.pop() {
            if !std::mem::replace(&mut reached[card], true) {
                next.extend(self.below(card));
            }
        }
    }

    fn below(&self, card: usize) -> impl Iterator<Item = usize> {
        self.links.iter().filter(move |(above, _)| *above == card).map(|(_, below)| *below)
    }
}
