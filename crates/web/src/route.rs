//! Every address of the pages.

use http::Method;

use crate::answer;
use crate::assets::Asset;
use crate::refusal::Refusal;

macro_rules! routes {
    ($($variant:ident = $method:ident $path:literal),* $(,)?) => {
        #[derive(Clone, Copy)]
        pub(crate) enum Route { $($variant,)* Asset(&'static Asset) }

        /// Method and path, assets apart.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        impl Route {
            pub fn parse(method: &Method, path: &str) -> Result<Route, Refusal> {
                let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
                if let Some(asset) = answer::asset_of(path) {
                    return if method == "GET" { Ok(Route::Asset(asset)) } else { Err(Refusal::Method) };
                }
                match (method, path) {
                    $((stringify!($method), $path) => Ok(Route::$variant),)*
                    _ if ROUTES.iter().any(|(_, known)| *known == path) => Err(Refusal::Method),
                    _ => Err(Refusal::NotFound),
                }
            }

            /// For the log: nothing of the request itself.
            pub fn template(&self) -> &'static str {
                match self {
                    $(Route::$variant => $path,)*
                    Route::Asset(asset) => asset.path,
                }
            }
        }
    };
}

routes! {
    Home = GET "/",
    SignIn = GET "/signin",
    Password = POST "/signin",
    Second = POST "/signin/second",
    SecondPasskey = POST "/signin/second/passkey",
    PasskeyBegin = POST "/signin/passkey",
    PasskeyFinish = POST "/signin/passkey/finish",
    Enrol = GET "/enrol",
    EnrolCode = POST "/enrol",
    EnrolSteps = GET "/enrol/steps",
    EnrolPassword = POST "/enrol/password",
    EnrolTotp = POST "/enrol/totp",
    EnrolTotpConfirm = POST "/enrol/totp/confirm",
    EnrolPasskey = POST "/enrol/passkey",
    EnrolPasskeyFinish = POST "/enrol/passkey/finish",
    EnrolRecovery = POST "/enrol/recovery",
    EnrolFinish = POST "/enrol/finish",
    StepUp = GET "/stepup",
    StepUpTotp = POST "/stepup",
    StepUpPasskey = POST "/stepup/passkey",
    StepUpPasskeyFinish = POST "/stepup/passkey/finish",
    Me = GET "/me",
    EndSession = POST "/me/sessions/end",
    EndOthers = POST "/me/sessions/end-others",
    CloseDevice = POST "/me/devices/close",
    NewToken = POST "/me/tokens",
    RevokeToken = POST "/me/tokens/revoke",
    Proofs = GET "/me/proofs",
    NewPassword = POST "/me/proofs/password",
    NewTotp = POST "/me/proofs/totp",
    NewTotpConfirm = POST "/me/proofs/totp/confirm",
    NewPasskey = POST "/me/proofs/passkey",
    NewPasskeyFinish = POST "/me/proofs/passkey/finish",
    RemovePasskey = POST "/me/proofs/passkey/remove",
    NewRecovery = POST "/me/proofs/recovery",
    Events = GET "/me/events",
    Prove = POST "/session/prove",
    Active = POST "/session/active",
    SignOut = POST "/signout",
}
