//! Sets of records by the record that they belong to, for the indexes of a State.

use imbl::{OrdMap, OrdSet};

/// The members that each record has; none where it has no set.
#[derive(Clone, Debug)]
pub(super) struct Sets<K: Ord, T: Ord>(pub(super) OrdMap<K, OrdSet<T>>);

impl<K: Ord, T: Ord> Default for Sets<K, T> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<K: Ord + Clone, T: Ord + Clone> Sets<K, T> {
    /// Puts a member into the sets of these records.
    pub(super) fn insert<'a>(&mut self, of: impl IntoIterator<Item = &'a K>, member: &T)
    where
        K: 'a,
    {
        for key in of {
            let members = self.0.entry(key.clone()).or_default();
            members.insert(member.clone());
        }
    }

    /// Takes a member out of the sets of these records.
    pub(super) fn remove<'a>(&mut self, of: impl IntoIterator<Item = &'a K>, member: &T)
    where
        K: 'a,
    {
        for key in of {
            if let Some(members) = self.0.get_mut(key) {
                members.remove(member);
                if members.is_empty() {
                    self.0.remove(key);
                }
            }
        }
    }

    /// The members of a record, in order.
    pub(super) fn of<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a T> + use<'a, K, T> {
        self.0.get(key).into_iter().flatten()
    }
}
