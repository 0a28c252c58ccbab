//! Where the cards of a picture stand: rows from the top, so that links lead downward.

use super::{Card, Picture};

/// Where a card stands: its upper left corner and its height.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
}

/// Where everything stands, in pixels.
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Layout {
    /// Rows are centred, and each is as high as its highest card.
    pub(super) fn of(picture: &Picture) -> Layout {
        let rows = rows(picture);
        let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let across = |cards: usize| cards * WIDTH + cards.saturating_sub(1) * GAP;
        let mut layout = Layout {
            places: vec![Place::default(); picture.cards.len()],
            width: across(widest) + 2 * MARGIN,
            height: MARGIN,
        };
        for row in rows {
            let left = (layout.width - across(row.len())) / 2;
            let highest = row.iter().map(|card| height(&picture.cards[*card])).max().unwrap_or(0);
            for (n, card) in row.iter().enumerate() {
                let height = height(&picture.cards[*card]);
                layout.places[*card] = Place { x: left + n * (WIDTH + GAP), y: layout.height, height };
            }
            layout.height += highest + DROP;
        }
        layout.height = layout.height.saturating_sub(DROP) + MARGIN;
        layout
    }
}

/// The cards of each row, so that links lead downward: a card stands below all that is above it, and one that nothing is above
/// directly over what it leads to. Within a row a card is near those above it.
fn rows(picture: &Picture) -> Vec<Vec<usize>> {
    let levels = levels(picture);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); levels.iter().max().map_or(0, |deepest| deepest + 1)];
    for (card, level) in levels.iter().enumerate() {
        rows[*level].push(card);
    }
    rows.retain(|row| !row.is_empty());
    for n in 1..rows.len() {
        let (upper, lower) = rows.split_at_mut(n);
        let place = |card: usize| upper[n - 1].iter().position(|above| picture.links.contains(&(*above, card)));
        lower[0].sort_by_key(|card| place(*card).unwrap_or(usize::MAX));
    }
    rows
}

/// How far down each card stands. Of a ring the first card is taken as the uppermost.
fn levels(picture: &Picture) -> Vec<usize> {
    let cards = picture.cards.len();
    let mut levels: Vec<Option<usize>> = vec![None; cards];
    let mut round = 0;
    while let Some(first) = (0..cards).find(|card| levels[*card].is_none()) {
        let open = |card: &usize| levels[*card].is_none();
        let free = |card: &usize| picture.links.iter().all(|(above, below)| below != card || !open(above));
        let mut row: Vec<usize> = (0..cards).filter(open).filter(free).collect();
        if row.is_empty() {
            row.push(first);
        }
        row.into_iter().for_each(|card| levels[card] = Some(round));
        round += 1;
    }
    let mut levels: Vec<usize> = levels.into_iter().flatten().collect();
    for top in picture.tops() {
        let over = picture.below(top).map(|below| levels[below]).min();
        levels[top] = over.map_or(levels[top], |below| below.saturating_sub(1));
    }
    levels
}

fn height(card: &Card) -> usize {
    TITLE + card.lines.len() * LINE + PADDING
}

/// Of a card.
pub(super) const WIDTH: usize = 380;
/// Between cards of a row.
const GAP: usize = 36;
/// Between rows.
pub(super) const DROP: usize = 52;
/// Around everything.
const MARGIN: usize = 32;
/// The part of a card above its lines.
pub(super) const TITLE: usize = 62;
/// One line.
pub(super) const LINE: usize = 20;
/// Below the lines.
const PADDING: usize = 12;
