//! Why a search cannot be run. Names the parameter and the problem, never the value sent.

const NAME_BYTES_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("search parameter {param}: {problem}")]
pub struct QueryError {
    pub param: String,
    pub problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("no such resource type")]
    UnknownType,
    #[error("not a parameter of this resource type that this server supports")]
    Unknown,
    #[error("the modifier is not supported on this parameter")]
    Modifier,
    #[error("chained parameters are not supported")]
    Chain,
    #[error("reverse chaining (_has) is not supported")]
    ReverseChain,
    #[error("including everything (*) is not supported, name the parameters")]
    IncludeAll,
    #[error("includes follow reference parameters, and this is not one")]
    IncludeParam,
    #[error("not a parameter that results can be sorted by")]
    SortKey,
    #[error("the value is empty")]
    Empty,
    #[error("the value does not fit the parameter")]
    Value,
    #[error("the value has no letters or digits to search for")]
    NoLetters,
    #[error("the value is longer than this server compares")]
    TooLong,
    #[error("more than this server accepts in one search")]
    TooMany,
}

impl QueryError {
    /// Names come from the client too: only what looks like a parameter name is repeated.
    pub(super) fn new(param: &str, problem: Problem) -> Self {
        let is_name = (1..=NAME_BYTES_MAX).contains(&param.len())
            && param.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':' | b'.'));
        Self { param: if is_name { param.to_owned() } else { "(unnamed)".to_owned() }, problem }
    }

    /// The code for OperationOutcome.issue.
    pub fn issue_code(&self) -> &'static str {
        match self.problem {
            Problem::UnknownType
            | Problem::Unknown
            | Problem::Modifier
            | Problem::Chain
            | Problem::ReverseChain
            | Problem::IncludeAll
            | Problem::SortKey => "not-supported",
            Problem::TooLong | Problem::TooMany => "too-long",
            Problem::IncludeParam | Problem::Empty | Problem::Value | Problem::NoLetters => "invalid",
        }
    }
}

impl Problem {
    /// R4 search.html#errors: lenient handling ignores unknown parameters, but a modifier not supported is always refused.
    pub(super) fn is_ignored_when_lenient(self) -> bool {
        matches!(self, Problem::Unknown | Problem::Empty | Problem::SortKey)
    }
}
