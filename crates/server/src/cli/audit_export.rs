//! `wardstone audit export`

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use access::{Purpose, Role};

use super::{DataArgs, Outcome};
use crate::operator::{OperatorArgs, PersonArgs};
use crate::{ServerError, files, operator, say};

/// Events asked for at once.
const PAGE_SIZE: &str = "500";

/// Export the audit log of a period as FHIR AuditEvents, one to a line; the server must not run
///
/// Reading the audit log is itself in the audit log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone audit export --data wardstone-demo --out events.ndjson\n  \
    wardstone audit export --data /srv/wardstone --kek-file /media/key/kek --since 2026-11-01 --until 2026-12-01 \\\n      \
        --operator ana --reason \"yearly audit\" --out november.ndjson")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// From this day or instant on
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Before this day or instant
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Address of this server, as it stands in the events
    #[arg(long, value_name = "URL", default_value = super::BASE_URL_DEFAULT)]
    base_url: String,
    /// Where the events are written; must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let mut pairs = vec![(Cow::Borrowed("_count"), Cow::Borrowed(PAGE_SIZE))];
    for (prefix, date) in [("ge", &args.since), ("lt", &args.until)] {
        if let Some(date) = date {
            pairs.push((Cow::Borrowed("date"), Cow::Owned(format!("{prefix}{date}"))));
        }
    }
    let operator = args.operator.named(args.data.class()?)?;
    let house = args.data.house(&args.base_url).await?;
    let operator = match args.person.prove(&house, operator, &[Role::Auditor, Role::PrivacyOfficer]).await {
        Ok(operator) => operator,
        Err(error) => {
            house.close().await?;
            return Err(error);
        }
    };
    house.note(audit::Action::AuditRead, &operator.name, Some(&operator.because("export of the audit log"))).await?;
    files::create_secret(&args.out, b"")?;
    let failed = |error: std::io::Error| ServerError::io("cannot be written", &args.out)(error);
    let mut out = BufWriter::new(File::options().append(true).open(&args.out).map_err(failed)?);
    let mut count = 0u64;
    loop {
        let caller = operator::caller(&operator.name, Role::Auditor, Purpose::Compliance, &house.clock)?;
        let page = house.record.audit_events(&caller, &pairs).await?.into_inner();
        for event in page.entries {
            out.write_all(&event).and_then(|()| out.write_all(b"\n")).map_err(failed)?;
            count += 1;
        }
        match page.next {
            Some(cursor) => pairs = vec![(Cow::Borrowed("_cursor"), Cow::Owned(cursor))],
            None => break,
        }
    }
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
    house.close().await?;
    say::line(format!("{count} events written to {}", args.out.display()));
    Ok(Outcome::Done)
}
