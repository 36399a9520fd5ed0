//! The records of a State: one map per kind, keyed by name, generated from the list of kinds.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    kinds, names,
    records::{self as kinds, Image, Kind, Record},
    state::{State, below},
};
/// A kind of record that the State stores in a map.
pub trait Mapped: Record {
    /// The records of this kind, by name.
    fn all(state: &State) -> &OrdMap<Self::Name, Arc<Self>>;
}

macro_rules! maps {
    (
        ()
        $($record:ident $one:ident $many:ident $name:ident $words:tt
            $(($children:ident $parent:ident))?;)+
    ) => {
        /// Every record.
        #[derive(Clone, Debug, Default)]
        pub(super) struct Maps {
            $($many: OrdMap<names::$name, Arc<kinds::$record>>,)+
        }

        impl Maps {
            /// Puts a record, and returns its earlier version.
            pub(super) fn put(&mut self, image: Image) -> Option<Image> {
                match image {
                    $(Image::$record(record) => {
                        let old = self.$many.insert(record.name.clone(), record);
                        old.map(Image::$record)
                    })+
                }
            }

            /// Removes a record, and returns its earlier version.
            pub(super) fn remove(&mut self, name: &str) -> Option<Image> {
                match Kind::of_name(name)? {
                    $(Kind::$record => self.$many.remove(name).map(Image::$record),)+
                }
            }
        }

        $(impl Mapped for kinds::$record {
            fn all(state: &State) -> &OrdMap<names::$name, Arc<Self>> {
                &state.maps.$many
            }
        })+

        impl State {
            /// A resource of any kind, by its name.
            pub fn image(&self, name: &str) -> Option<Image> {
                match Kind::of_name(name)? {
                    $(Kind::$record => self.maps.$many.get(name).cloned().map(Image::$record),)+
                }
            }

            /// Every image, ordered by kind and name, to compare two States.
            pub fn images(&self) -> impl Iterator<Item = Image> + '_ {
                let none = std::iter::empty();
                $(let none = none.chain(self.maps.$many.values().cloned().map(Image::$record));)+
                none
            }

            /// How many records of a kind there are.
            pub fn count(&self, kind: Kind) -> usize {
                match kind {
                    $(Kind::$record => self.maps.$many.len(),)+
                }
            }

            $(
                #[doc = concat!("One of the ", stringify!($many), ".")]
                pub fn $one(&self, name: &names::$name) -> Option<&Arc<kinds::$record>> {
                    self.maps.$many.get(name)
                }

                #[doc = concat!("All ", stringify!($many), ", by name.")]
                pub const fn $many(&self) -> &OrdMap<names::$name, Arc<kinds::$record>> {
                    &self.maps.$many
                }

                $(
                    #[doc = concat!("The ", stringify!($many), " of one parent, by name.")]
                    pub fn $children(
                        &self,
                        parent: &names::$parent,
                    ) -> impl Iterator<Item = &Arc<kinds::$record>> {
                        below(&self.maps.$many, &names::$name::prefix(parent))
                    }
                )?
            )+
        }
    };
}
kinds!(maps!());
