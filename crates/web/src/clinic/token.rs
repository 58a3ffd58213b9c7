//! The name of a form, fresh with each page. What a form makes bears it: it is found by it, and made once however often the form is sent.

use crate::client::Asked;
use crate::forms::Form;

pub const FORM_SYSTEM: &str = "urn:wardstone:form";
const TOKEN_BYTES: usize = 32;

pub fn fresh(asked: &Asked<'_>) -> String {
    format!("{:032x}", asked.from.request_id)
}

/// None of what no page of ours gave.
pub fn parse(sent: &str) -> Option<&str> {
    Some(sent).filter(|sent| sent.len() == TOKEN_BYTES && sent.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The name that the form was sent with; a fresh one where that is none.
pub fn sent(asked: &Asked<'_>, form: &Form) -> String {
    parse(form.text("token")).map_or_else(|| fresh(asked), str::to_owned)
}

/// Within a transaction: the name of the form with a number at its end.
pub fn full_url(token: &str, number: usize) -> String {
    let part = |from: usize, to: usize| token.get(from..to).unwrap_or_default().to_ascii_lowercase();
    format!("urn:uuid:{}-{}-{}-{}-{number:012}", part(0, 8), part(8, 12), part(12, 16), part(16, 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_gave_is_a_name() {
        let name = format!("{:032x}", u128::MAX);
        assert_eq!(parse(&name), Some(name.as_str()));
        for other in ["", "f", &name[1..], &format!("{name}f"), &name.replace('f', "g"), &name.replacen('f', "|", 1)] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn within_a_transaction_it_ends_in_a_number() {
        assert_eq!(
            full_url("0123456789ABCDEF0123456789abcdef", 88_674),
            "urn:uuid:01234567-89ab-cdef-0123-000000088674"
        );
    }
}
