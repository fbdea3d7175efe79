//! What the screen calls a peer: a colour and a bird, both from the hash of its id.
//!
//! The name is for people to tell peers apart, never to trust them: two peers may share one, and only the id decides.

/// A peer's generated name, and the colour its identicon wears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pub colour: &'static str,
    pub bird: &'static str,
    /// The colour word in a muted form that reads on the identicon's dark disc, as `#rrggbb`.
    pub tint: &'static str,
}

impl Name {
    /// The name of the peer with this id; the same in every tab.
    pub fn of(peer: &str) -> Self {
        let hash = blake3::hash(peer.as_bytes());
        let bytes = hash.as_bytes();
        // Bytes 0 to 3 place the peer on the picture (`polar::own_slot`) and 8 on shape the identicon.
        let colour = u16::from_le_bytes([bytes[4], bytes[5]]) as usize;
        let bird = u16::from_le_bytes([bytes[6], bytes[7]]) as usize;
        let (colour, tint) = COLOURS[colour % COLOURS.len()];
        Self { colour, bird: BIRDS[bird % BIRDS.len()], tint }
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.colour, self.bird)
    }
}

/// Colour words and their muted tints.
const COLOURS: [(&str, &str); 32] = [
    ("Amber", "#f0b13a"),
    ("Ashen", "#aab4c3"),
    ("Azure", "#6fb0f2"),
    ("Birch", "#d9d3c3"),
    ("Bronze", "#c99857"),
    ("Cedar", "#cf7f63"),
    ("Cobalt", "#7ea0f5"),
    ("Copper", "#e08e5a"),
    ("Coral", "#f0866f"),
    ("Dusky", "#9a93b8"),
    ("Fern", "#79b871"),
    ("Flint", "#8fa3b5"),
    ("Golden", "#f5c84c"),
    ("Heather", "#b79ad8"),
    ("Indigo", "#8f94f0"),
    ("Ivory", "#f1ead8"),
    ("Jade", "#58c79c"),
    ("Lilac", "#cba6e8"),
    ("Maroon", "#d0707c"),
    ("Moss", "#a3bf63"),
    ("Ochre", "#d8a548"),
    ("Olive", "#b5b35c"),
    ("Pale", "#dfe5ee"),
    ("Rose", "#ee93a6"),
    ("Russet", "#d97e56"),
    ("Saffron", "#ffc53d"),
    ("Sandy", "#dfc08a"),
    ("Scarlet", "#f27463"),
    ("Silver", "#c2ccd9"),
    ("Slate", "#9fb2cf"),
    ("Teal", "#43d2b3"),
    ("Umber", "#b98a63"),
];

/// Birds with names short enough for a phone.
const BIRDS: [&str; 64] = [
    "Avocet",
    "Bittern",
    "Bluetit",
    "Brambling",
    "Bunting",
    "Bustard",
    "Buzzard",
    "Chough",
    "Coot",
    "Corncrake",
    "Crane",
    "Crossbill",
    "Cuckoo",
    "Curlew",
    "Dipper",
    "Dotterel",
    "Dove",
    "Dunlin",
    "Dunnock",
    "Eider",
    "Falcon",
    "Fieldfare",
    "Finch",
    "Fulmar",
    "Gannet",
    "Garganey",
    "Godwit",
    "Grebe",
    "Harrier",
    "Heron",
    "Hobby",
    "Hoopoe",
    "Ibis",
    "Jackdaw",
    "Jay",
    "Kestrel",
    "Kite",
    "Knot",
    "Lapwing",
    "Lark",
    "Linnet",
    "Magpie",
    "Martin",
    "Merlin",
    "Nuthatch",
    "Oriole",
    "Osprey",
    "Ouzel",
    "Pipit",
    "Plover",
    "Rail",
    "Redstart",
    "Robin",
    "Rook",
    "Sandpiper",
    "Shrike",
    "Siskin",
    "Swift",
    "Teal",
    "Tern",
    "Thrush",
    "Wagtail",
    "Warbler",
    "Wren",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_depends_on_the_id_alone() {
        assert_eq!(Name::of("12D3KooWA"), Name::of("12D3KooWA"));
        assert_ne!(Name::of("12D3KooWA"), Name::of("12D3KooWB"));
    }

    #[test]
    fn a_thousand_peers_use_nearly_all_words() {
        let names: Vec<Name> = (0..1000).map(|i| Name::of(&i.to_string())).collect();
        assert_eq!(names.iter().map(|n| n.colour).collect::<BTreeSet<_>>().len(), COLOURS.len());
        assert!(names.iter().map(|n| n.bird).collect::<BTreeSet<_>>().len() >= 62);
        assert!(names.iter().map(Name::to_string).collect::<BTreeSet<_>>().len() > 700);
    }

    #[test]
    fn names_fit_a_row_on_a_phone() {
        let longest = COLOURS.iter().map(|c| c.0.len()).max().unwrap() + BIRDS.iter().map(|b| b.len()).max().unwrap();
        assert!(longest <= 16, "{longest}");
    }
}
