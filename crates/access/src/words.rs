//! Closed vocabularies: an enum whose every value has one wire name.

/// Declares a fieldless enum with `ALL`, `name()` and `from_name()`.
macro_rules! closed {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $value),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$value),+];

            /// The word on the wire and in policies.
            pub const fn name(self) -> &'static str {
                match self { $($name::$value => $word),+ }
            }

            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($word => Some($name::$value),)+ _ => None }
            }
        }
    };
}
pub(crate) use closed;
