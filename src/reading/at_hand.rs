//! What Home's card is about.

use crate::route::{Link, Route};
use protocol::Snapshot;
use protocol::snapshot::Direction;

/// What the card on the right is about.
#[derive(Clone, Debug, PartialEq)]
pub enum AtHand {
    /// Nothing yet: the link to this tab's network.
    Invitation,
    /// A fetch becomes a share when the person shares the same bytes, so the direction belongs to it.
    Item(u64, Direction),
    /// An opened link that the node has not made an item of yet.
    Opened(String),
    Malformed,
}

/// An opened link comes first until something newer is shared; otherwise the newest item.
pub fn at_hand(snapshot: &Snapshot, route: &Route) -> AtHand {
    let newest = snapshot.transfers.first();
    match route {
        Route::Get(Link::Malformed) => AtHand::Malformed,
        Route::Get(Link::Content(id) | Link::Private(id, _)) => {
            let id = id.to_string();
            let shared_since = snapshot
                .transfers
                .iter()
                .take_while(|item| item.content_id != id)
                .find(|i| i.direction == Direction::Share);
            let opened = snapshot.transfers.iter().find(|item| item.content_id == id);
            match (shared_since, opened) {
                (Some(shared), Some(_)) => AtHand::Item(shared.key, shared.direction),
                (_, Some(opened)) => AtHand::Item(opened.key, opened.direction),
                (_, None) => AtHand::Opened(id),
            }
        }
        _ => newest.map_or(AtHand::Invitation, |item| AtHand::Item(item.key, item.direction)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::{fetch, share, snapshot};

    fn with(transfers: Vec<protocol::snapshot::TransferView>) -> Snapshot {
        Snapshot { transfers, ..snapshot() }
    }

    fn opened(key: u64) -> Route {
        Route::Get(Link::parse(&fetch(key).content_id))
    }

    #[test]
    fn at_home_it_is_the_newest_item() {
        assert_eq!(at_hand(&with(vec![]), &Route::Home), AtHand::Invitation);
        let both = with(vec![fetch(2), share(1)]);
        assert_eq!(at_hand(&both, &Route::Home), AtHand::Item(2, Direction::Fetch));
    }

    #[test]
    fn an_opened_link_is_at_hand_before_the_node_knows_it() {
        assert_eq!(at_hand(&with(vec![share(1)]), &opened(2)), AtHand::Opened(fetch(2).content_id));
        assert_eq!(at_hand(&with(vec![fetch(2)]), &opened(2)), AtHand::Item(2, Direction::Fetch));
        assert_eq!(at_hand(&with(vec![]), &Route::Get(Link::Malformed)), AtHand::Malformed);
    }

    #[test]
    fn what_is_shared_after_opening_a_link_comes_first() {
        assert_eq!(at_hand(&with(vec![share(3), fetch(2)]), &opened(2)), AtHand::Item(3, Direction::Share));
        assert_eq!(at_hand(&with(vec![fetch(2), share(1)]), &opened(2)), AtHand::Item(2, Direction::Fetch));
    }
}
