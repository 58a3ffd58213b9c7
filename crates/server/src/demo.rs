//! A clinic of synthetic patients: made once, by the integration client through the same doors as everyone, then kept.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::{Purpose, Role};
use crypto::EnvironmentClass;
pub use deid::synthetic::ZONE;
use deid::synthetic::{Clinic, Plan, generate};
use record::{Record, RecordError, SearchRequest};
use store::Backend;

use crate::accounts::{Account, Accounts, new_token};
use crate::assembly::{House, Opening, Watch};
use crate::clock::Clock;
use crate::config::People;
use crate::directory::DataDirectory;
use crate::{ServerError, identity, kek, operator};

/// More patients than this are a load test, which `import` serves better.
pub const PATIENTS_MAX: u32 = 10_000;

pub struct DemoPlan {
    pub data: PathBuf,
    pub patients: u32,
    pub seed: u64,
    /// A session ends, and its screen locks, after so long without activity.
    pub idle_minutes: u32,
}

/// Of the numbers that belong to nobody (NANP 555-0100 to 555-0199).
const PHONE: &str = "+1 555 555 0142";

/// Makes the demo's directory and its key where there are none, and refuses a directory that is no demo's.
pub fn prepare(data: &Path) -> Result<(), ServerError> {
    directory(data).map(|_| ())
}

/// Opens the demo in its directory, and first makes it where there is none.
pub async fn open(plan: &DemoPlan, base_url: &str, clock: Clock) -> Result<(House, Accounts), ServerError> {
    let (directory, kek) = directory(&plan.data)?;
    let opening = Opening {
        directory,
        kek,
        class: Some(EnvironmentClass::Demo),
        base_url: format!("{base_url}/fhir"),
        sink: None,
        // It is open round the clock, in the zone of its addresses.
        watch: Watch {
            people: People {
                zone: ZONE.into(),
                phone: Some(PHONE.into()),
                idle_minutes: plan.idle_minutes,
                ..People::default()
            },
            ..Watch::default()
        },
        clock,
    };
    let house = House::open(opening).await?;
    // Written last: where there are accounts, the clinic is whole.
    let accounts = match Accounts::load(&house.directory, &house.keyring)? {
        Some(accounts) => accounts,
        None => {
            let accounts = fill(&house, plan).await?;
            accounts.save(&house.directory, &house.keyring)?;
            accounts
        }
    };
    if let Some(demo) = ::identity::DemoOnly::of(house.class) {
        identity::seed(&house.identity, &demo, &accounts).await?;
    }
    Ok((house, accounts))
}

fn directory(data: &Path) -> Result<(DataDirectory, crypto::Kek), ServerError> {
    if let Ok(directory) = DataDirectory::open(data) {
        // The class first: production's key file has no business here.
        let class = directory.root_file()?.class;
        if class != EnvironmentClass::Demo {
            return Err(crypto::CryptoError::WrongEnvironment { held: class, asked: EnvironmentClass::Demo }.into());
        }
        let kek = kek::read_kek_file(&directory.demo_kek())?;
        return Ok((directory, kek));
    }
    let absolute = std::path::absolute(data).map_err(ServerError::io("is no path", data))?;
    let kek_path = crate::files::sibling(&absolute, ".kek");
    let kek = if kek_path.exists() { kek::read_kek_file(&kek_path)? } else { kek::write_kek_file(&kek_path, true)? };
    Ok((DataDirectory::create(&absolute, EnvironmentClass::Demo, &kek)?, kek))
}

/// Takes up where an interrupted filling stopped.
async fn fill(house: &House, plan: &DemoPlan) -> Result<Accounts, ServerError> {
    let now = jiff::Timestamp::from_millisecond((house.clock)())
        .map_err(|_| ServerError::Refused("the clock shows no time that a calendar has".into()))?;
    let zone = jiff::tz::TimeZone::get(ZONE)
        .map_err(|_| ServerError::Refused("there is no table of time zones on this machine".into()))?;
    let here = now.to_zoned(zone);
    let clinic = generate(&Plan { seed: plan.seed, patients: plan.patients, today: here.date(), now: here.time() });
    let staff = clinic.staff_bundle().json;
    if plan.patients > 0 {
        post(&house.record, &house.clock, &staff, "demo/staff").await?;
        post_patients(house, clinic, plan.patients).await?;
    }
    accounts(house, &clinic, &staff, plan.patients).await
}

async fn post_patients(house: &House, clinic: Clinic, patients: u32) -> Result<(), ServerError> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from) as u32;
    let mut running = tokio::task::JoinSet::new();
    for worker in 0..workers {
        let (record, clock) = (house.record.clone(), house.clock.clone());
        running.spawn(async move {
            for number in (worker + 1..=patients).step_by(workers as usize) {
                let bundle = clinic.patient_bundle(number);
                post(&record, &clock, &bundle.json, &format!("demo/patient/{number}")).await?;
            }
            Ok::<(), ServerError>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(|_| ServerError::Refused("a defect stopped the filling of the demo".into()))??;
    }
    Ok(())
}

async fn post(record: &Record, clock: &Clock, bundle: &str, label: &str) -> Result<(), ServerError> {
    let caller = operator::caller(identity::INTEGRATION_LOGIN, Role::Integration, Purpose::Treatment, clock)?;
    match record.import_bundle(&caller, bundle.as_bytes(), label).await {
        Ok(_) | Err(RecordError::Done) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn accounts(house: &House, clinic: &Clinic, staff: &str, patients: u32) -> Result<Accounts, ServerError> {
    let mut accounts = Accounts { users: Vec::new(), api_token: Some(new_token()?) };
    let staff: serde_json::Value = serde_json::from_str(staff).unwrap_or_default();
    for user in clinic.demo_users() {
        let mut account = Account::new(user.username, user.name, user.role)?;
        if let Some(index) = user.practitioner.filter(|_| patients > 0) {
            let identifier = &staff["entry"][index]["resource"]["identifier"][0];
            let (system, value) = (&identifier["system"], &identifier["value"]);
            if let (Some(system), Some(value)) = (system.as_str(), value.as_str()) {
                let found = find(house, "Practitioner", system, value).await?;
                account.practitioner = found.map(|(_, row, _)| row);
            }
        }
        if let Some(number) = user.patient.or(user.stands_for) {
            let (system, value) = clinic.medical_record_number(number);
            let Some((id, _, chart)) = find(house, "Patient", system, &value).await? else {
                return Err(ServerError::Refused("a patient of the demo is not in the record".into()));
            };
            account.patient_id = Some(id);
            account.own_chart = user.patient.map(|_| chart);
            account.proxy_chart = user.stands_for.map(|_| chart);
        }
        accounts.users.push(account);
    }
    Ok(accounts)
}

/// Id, row and chart of the resource with an identifier.
async fn find(
    house: &House,
    type_name: &str,
    system: &str,
    value: &str,
) -> Result<Option<(String, u64, u64)>, ServerError> {
    let Some(kind) = record::types::parse(type_name) else { return Ok(None) };
    let caller = operator::caller(identity::INTEGRATION_LOGIN, Role::Integration, Purpose::Treatment, &house.clock)?;
    let pairs = [(Cow::Borrowed("identifier"), Cow::Owned(format!("{system}|{value}")))];
    let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
    let page = house.record.search(&caller, &request).await?;
    let Some((_, version)) = page.get().entries.first() else { return Ok(None) };
    let id = version.id().to_owned();
    let Some(row) = house.keyring.id_cipher()?.row(&id) else { return Ok(None) };
    let store: &Arc<store::Sqlite> = &house.store;
    Ok(store.body(row).await?.map(|body| (id, row, body.chart)))
}
