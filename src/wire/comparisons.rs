//! Comparisons of editions on the wire.

use crate::{
    pb,
    state::comparison::{Comparison, Entry, Side},
};

/// To the wire.
pub fn comparison(comparison: Comparison) -> pb::EditionComparison {
    let Comparison {
        base,
        target,
        conclusive,
        added,
        kept,
        renamed,
        regrouped,
        dropped,
        unresolved,
    } = comparison;
    let Side { edition: base_edition, declared: base_declared, held: base_held } = base;
    let Side { edition: target_edition, declared: target_declared, held: target_held } = target;
    let entries = |entries: Vec<Entry>| entries.into_iter().map(entry).collect();
    pb::EditionComparison {
        base_edition: base_edition.to_string(),
        target_edition: target_edition.to_string(),
        base_declared_platform_count: base_declared,
        base_held_platform_count: base_held,
        target_declared_platform_count: target_declared,
        target_held_platform_count: target_held,
        conclusive,
        added: entries(added),
        kept: entries(kept),
        renamed: entries(renamed),
        regrouped: entries(regrouped),
        dropped: entries(dropped),
        unresolved: entries(unresolved),
    }
}

fn entry(entry: Entry) -> pb::edition_comparison::Entry {
    let Entry { platform, base, target } = entry;
    let (base_display_name, base_group) =
        base.map(|listing| (listing.display_name, listing.group)).unwrap_or_default();
    let (target_display_name, target_group) =
        target.map(|listing| (listing.display_name, listing.group)).unwrap_or_default();
    pb::edition_comparison::Entry {
        platform: platform.to_string(),
        base_display_name,
        target_display_name,
        base_group,
        target_group,
    }
}
