//! The list of the kinds that have remote objects, and the way from the name of one to its type.

/// Declares [`RemoteKind`] with one variant for each kind, and `with_kind!`, which evaluates an expression for the type of
/// one. Its first token is the dollar sign, which a macro that declares a macro can't write itself.
macro_rules! remote_kinds {
    ($d:tt $($kind:ident)+) => {
        /// A kind that has remote objects.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RemoteKind {
            $(
                #[doc = concat!("[`", stringify!($kind), "`](resources::", stringify!($kind), ")")]
                $kind,
            )+
        }

        impl RemoteKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Returns the kind's name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)+
                }
            }
        }

        /// Evaluates an expression in which the named type is that of a [`RemoteKind`].
        macro_rules! with_kind {
            ($d of:expr, $d type:ident => $d body:expr) => {
                match $d of {
                    $($crate::kinds::remote_kind::RemoteKind::$kind => {
                        type $d type = $crate::resources::$kind;
                        $d body
                    })+
                }
            };
        }
        pub(crate) use with_kind;
    };
}

// A new kind is one line here.
remote_kinds! { $
    ProviderDeployment
    ProviderAuthCredentials
    ProviderAuthConfig
    ProviderConfig
    ProviderConfigVault
    AuthImport
    AuthExport
}

impl RemoteKind {
    /// Returns the kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == name)
    }
}
