//! The shape of the tree above the groups.
//!
//! A BLAKE3 tree over `n` groups is the one where every left side is the largest power of two that leaves the
//! right side something. Its nodes above the groups have a plain name: the group where the right side
//! starts. Each group but the first starts exactly one right side, so nodes are the numbers `1..n`, in order
//! from left to right, and a table of them needs no search.
//!
//! bao-tree (block size 4) has the same nodes: our node `m` is its node with `mid()` at chunk `16 * m`.

use crate::GroupRange;
use crate::layout::GROUPS_MAX;

/// Nodes above a group of the longest content.
pub(crate) const PATH_LEN_MAX: u32 = GROUPS_MAX.ilog2();

/// A node above the groups `range`, with the first group of its right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) range: GroupRange,
    pub(crate) mid: u32,
}

impl Node {
    /// The node above exactly these groups, if they are two or more: one group has no node of its own.
    pub(crate) fn above(range: GroupRange) -> Option<Self> {
        // The largest power of two below the count.
        let left = 1u32 << (range.count.checked_sub(1)?.checked_ilog2()?);
        Some(Self { range, mid: range.first + left })
    }

    /// The groups of the left side.
    pub(crate) fn left(self) -> GroupRange {
        GroupRange::new(self.range.first, self.mid - self.range.first)
    }

    /// The groups of the right side.
    pub(crate) fn right(self) -> GroupRange {
        GroupRange::new(self.mid, self.range.end() - self.mid)
    }

    /// The side that `group` lies on.
    pub(crate) fn side(self, group: u32) -> GroupRange {
        if group < self.mid { self.left() } else { self.right() }
    }
}

/// The nodes above `group` in a tree of `groups`, topmost first. Empty for a content of one group.
pub(crate) fn path(group: u32, groups: u32) -> impl Iterator<Item = Node> {
    let top = Node::above(GroupRange::new(0, groups)).filter(|_| group < groups);
    core::iter::successors(top, move |node| Node::above(node.side(group)))
}

/// How many of the nodes above `group` have a group before `group` below them, too: they come with that
/// group when both are sent. They are the topmost ones; what follows starts at `group`.
pub(crate) fn shared_with_previous(group: u32, groups: u32) -> u32 {
    path(group, groups).take_while(|node| node.range.first < group).count() as u32
}

/// Every node of a tree of `groups`, parents before children, left before right (bao-tree's pre-order).
pub(crate) fn pre_order(groups: u32) -> impl Iterator<Item = Node> {
    let mut stack: Vec<GroupRange> = vec![GroupRange::new(0, groups)];
    core::iter::from_fn(move || {
        loop {
            if let Some(node) = Node::above(stack.pop()?) {
                stack.extend([node.right(), node.left()]);
                return Some(node);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bao_tree::{BaoTree, BlockSize};

    #[test]
    fn nodes_are_those_of_bao_tree_in_its_order() {
        for groups in (1..70).chain([127, 128, 129, 6_400]) {
            let tree = BaoTree::new(u64::from(groups) * 16 * 1024, BlockSize::from_chunk_log(4));
            let theirs =
                tree.pre_order_nodes_iter().map(|node| node.mid().0 / 16).filter(|&mid| mid < u64::from(groups));
            assert!(pre_order(groups).map(|node| u64::from(node.mid)).eq(theirs), "{groups} groups");
        }
    }

    #[test]
    fn every_group_but_the_first_names_one_node() {
        for groups in 1..200 {
            let mut mids: Vec<u32> = pre_order(groups).map(|node| node.mid).collect();
            mids.sort_unstable();
            assert!(mids.into_iter().eq(1..groups), "{groups} groups");
        }
    }

    #[test]
    fn a_path_leads_from_the_top_to_the_group() {
        for groups in 1..100 {
            for group in 0..groups {
                let nodes: Vec<Node> = path(group, groups).collect();
                assert!(nodes.iter().all(|node| node.range.contains(group)));
                assert_eq!(nodes.last().map_or(1, |node| node.side(group).count), 1);
                assert!(nodes.len() as u32 <= PATH_LEN_MAX);
            }
            assert_eq!(path(groups, groups).count(), 0);
        }
        assert_eq!(path(0, GROUPS_MAX).count() as u32, PATH_LEN_MAX);
        assert_eq!(path(0, 0).count(), 0);
    }

    #[test]
    fn what_is_not_shared_with_the_previous_group_starts_at_the_group() {
        for groups in [2, 3, 7, 64, 65] {
            for group in 1..groups {
                let shared = shared_with_previous(group, groups) as usize;
                assert!(path(group, groups).take(shared).all(|node| node.range.contains(group - 1)));
                assert!(path(group, groups).skip(shared).all(|node| node.range.first == group));
            }
        }
    }
}
