//! JSON Patch (RFC 6902) with JSON Pointer (RFC 6901). All or nothing: the given tree is never changed.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::json::{DEPTH_MAX, Json};

/// Operations in one patch.
pub const OPERATIONS_MAX: usize = 1_000;
/// Values that all the `copy` operations of a patch may add: copies of copies grow by powers of two.
pub const COPIED_VALUES_MAX: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    #[error("a JSON Patch is an array of operations")]
    NotAnArray,
    #[error("a JSON Patch has at most {OPERATIONS_MAX} operations")]
    TooManyOperations,
    #[error("operation {index}: {fault}")]
    Operation { index: usize, fault: PatchFault },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    #[error("an operation is an object with a string op")]
    Malformed,
    #[error("op is add, remove, replace, move, copy or test")]
    UnknownOperation,
    #[error("path is missing or not a string")]
    NoPath,
    #[error("from is missing or not a string")]
    NoFrom,
    #[error("value is missing")]
    NoValue,
    #[error("a JSON pointer is empty or starts with '/', and '~' is followed by 0 or 1")]
    Pointer,
    #[error("nothing is there")]
    NotFound,
    #[error("an array index is a number within the array, without leading zeros")]
    Index,
    #[error("the whole document cannot be removed")]
    Root,
    #[error("a value cannot be moved into itself")]
    IntoItself,
    #[error("the value is another")]
    TestFailed,
    #[error("the copies are too large")]
    TooLarge,
    #[error("nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

/// The document after all operations of the patch, or the first that fails.
pub fn apply<'a>(document: &Json<'a>, patch: &Json<'a>) -> Result<Json<'a>, PatchError> {
    let operations = patch.as_array().ok_or(PatchError::NotAnArray)?;
    if operations.len() > OPERATIONS_MAX {
        return Err(PatchError::TooManyOperations);
    }
    let mut patched = document.clone();
    let mut copied = 0;
    for (index, operation) in operations.iter().enumerate() {
        step(&mut patched, operation, &mut copied).map_err(|fault| PatchError::Operation { index, fault })?;
    }
    Ok(patched)
}

fn step<'a>(document: &mut Json<'a>, operation: &Json<'a>, copied: &mut usize) -> Result<(), PatchFault> {
    let op = operation.get("op").and_then(Json::as_str).ok_or(PatchFault::Malformed)?;
    let pointer = |name, fault| match operation.get(name).and_then(Json::as_str) {
        Some(text) => parse_pointer(text),
        None => Err(fault),
    };
    let path = pointer("path", PatchFault::NoPath)?;
    let value = || operation.get("value").ok_or(PatchFault::NoValue);
    match op {
        "add" => add(document, &path, value()?.clone()),
        "remove" => remove(document, &path).map(|_| ()),
        "replace" => {
            *find_mut(document, &path)? = fitting(value()?.clone(), &path)?;
            Ok(())
        }
        "move" => {
            let from = pointer("from", PatchFault::NoFrom)?;
            if path.len() > from.len() && path.starts_with(&from) {
                return Err(PatchFault::IntoItself);
            }
            if path == from {
                return find_mut(document, &path).map(|_| ());
            }
            let moved = remove(document, &from)?;
            add(document, &path, moved)
        }
        "copy" => {
            let from = pointer("from", PatchFault::NoFrom)?;
            let source = find_mut(document, &from)?;
            *copied += count(source);
            if *copied > COPIED_VALUES_MAX {
                return Err(PatchFault::TooLarge);
            }
            let copy = source.clone();
            add(document, &path, copy)
        }
        "test" => {
            let held = find_mut(document, &path)?;
            if is_same(held, value()?) { Ok(()) } else { Err(PatchFault::TestFailed) }
        }
        _ => Err(PatchFault::UnknownOperation),
    }
}

/// The reference tokens of a pointer, unescaped.
fn parse_pointer(text: &str) -> Result<Vec<Cow<'_, str>>, PatchFault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let tokens = text.strip_prefix('/').ok_or(PatchFault::Pointer)?;
    tokens.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Result<Cow<'_, str>, PatchFault> {
    if !token.contains('~') {
        return Ok(Cow::Borrowed(token));
    }
    let mut parts = token.split('~');
    let mut out = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let (letter, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err(PatchFault::Pointer),
        };
        out.push(letter);
        out.push_str(rest);
    }
    Ok(Cow::Owned(out))
}

fn add<'a>(document: &mut Json<'a>, path: &[Cow<'_, str>], value: Json<'a>) -> Result<(), PatchFault> {
    let value = fitting(value, path)?;
    let Some((last, parents)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    match find_mut(document, parents)? {
        Json::Object(members) => members.set(last.clone().into_owned(), value),
        Json::Array(items) => {
            let at = if last == "-" { items.len() } else { index(last)? };
            if at > items.len() {
                return Err(PatchFault::Index);
            }
            items.insert(at, value);
        }
        _ => return Err(PatchFault::NotFound),
    }
    Ok(())
}

fn remove<'a>(document: &mut Json<'a>, path: &[Cow<'_, str>]) -> Result<Json<'a>, PatchFault> {
    let (last, parents) = path.split_last().ok_or(PatchFault::Root)?;
    match find_mut(document, parents)? {
        Json::Object(members) => members.remove(last).ok_or(PatchFault::NotFound),
        Json::Array(items) => {
            let at = index(last)?;
            if at < items.len() { Ok(items.remove(at)) } else { Err(PatchFault::NotFound) }
        }
        _ => Err(PatchFault::NotFound),
    }
}

fn find_mut<'d, 'a>(document: &'d mut Json<'a>, path: &[Cow<'_, str>]) -> Result<&'d mut Json<'a>, PatchFault> {
    let mut at = document;
    for token in path {
        at = match at {
            Json::Object(members) => members.get_mut(token),
            Json::Array(items) => items.get_mut(index(token)?),
            _ => None,
        }
        .ok_or(PatchFault::NotFound)?;
    }
    Ok(at)
}

fn index(token: &str) -> Result<usize, PatchFault> {
    let digits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    if !digits || (token.len() > 1 && token.starts_with('0')) {
        return Err(PatchFault::Index);
    }
    token.parse().map_err(|_| PatchFault::Index)
}

/// The value, unless it would nest too deeply at that path.
fn fitting<'a>(value: Json<'a>, path: &[Cow<'_, str>]) -> Result<Json<'a>, PatchFault> {
    if path.len() + depth(&value) > DEPTH_MAX { Err(PatchFault::TooDeep) } else { Ok(value) }
}

fn depth(value: &Json<'_>) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.iter().map(|(_, v)| depth(v)).max().unwrap_or(0),
        _ => 0,
    }
}

fn count(value: &Json<'_>) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Json::Object(members) => 1 + members.iter().map(|(_, v)| count(v)).sum::<usize>(),
        _ => 1,
    }
}

/// RFC 6902 §4.6: members in any order, numbers by their numeric value.
fn is_same(a: &Json<'_>, b: &Json<'_>) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || plain_number(a) == plain_number(b),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            let by_name: HashMap<&str, &Json<'_>> = b.iter().collect();
            a.len() == b.len()
                && a.iter().all(|(name, held)| by_name.get(name).is_some_and(|other| is_same(held, other)))
        }
        _ => a == b,
    }
}

/// Sign, significant digits and the power of ten of the last one: `-1.50` is `(-, 15, -1)`.
fn plain_number(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    // An exponent past 64 bits is kept apart from all others.
    let mut power = exponent.parse::<i64>().unwrap_or(i64::MAX).saturating_sub_unsigned(fraction.len() as u64);
    let trimmed = digits.trim_end_matches('0').len();
    power = power.saturating_add_unsigned((digits.len() - trimmed) as u64);
    digits.truncate(trimmed);
    let digits = digits.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return (false, digits, 0);
    }
    (whole.starts_with('-'), digits, power)
}
