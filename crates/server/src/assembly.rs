//! Opens a data directory: keys first, then the audit log, then the rows, then the record over all of it.

use std::path::PathBuf;
use std::sync::Arc;

use access::{CollectionPolicy, Policies};
use audit::event::Who;
use audit::{Event, Outcome, Purpose};
use compliance::{Countries, PolicyDesk, PolicyDeskParts, Queue, QueueParts, Register, RegisterParts};
use crypto::{EnvironmentClass, Kek, Keyring};
use outward::{Clinic, Outbox, OutboxParts};
use record::{Record, Settings};
use store::log::{AuditLog, LogError, LogOptions};
use store::sqlite::{DatabaseKeys, DaySealer, KeyDatabase};
use store::{Backend, Desk, Evidence, Sqlite, Witness};

use crate::clock::Clock;
use crate::config::People;
use crate::directory::{AUDIT_FOLDER, DataDirectory, Lock};
use crate::{ServerError, identity, offline};

/// What this organization does not keep, in place of what the product ships: policies/collection.txt says how it is written.
const COLLECTION_FILE: &str = "collection.txt";
const DESK_SEAL: &str = "wardstone/desk/v1";
const DESK_KEY: &str = "wardstone/database/desk/v1";

/// What opens a directory.
pub struct Opening {
    pub directory: DataDirectory,
    pub kek: Kek,
    /// The class that this process runs as; `None` takes the directory's own, for offline commands.
    pub class: Option<EnvironmentClass>,
    /// The absolute FHIR base, without a slash at the end.
    pub base_url: String,
    /// Where checkpoints of the audit log are copied to.
    pub sink: Option<PathBuf>,
    pub watch: Watch,
    pub clock: Clock,
}

/// What identity and alerts go by. The default knows no country, is open round the clock and has the limits of the product.
#[derive(Default)]
pub struct Watch {
    pub countries: Countries,
    pub limits: compliance::Limits,
    pub people: People,
}

/// The keys of a directory, without its log and rows.
pub struct Keys {
    pub class: EnvironmentClass,
    pub keyring: Arc<Keyring>,
    pub databases: DatabaseKeys,
    pub database: Arc<KeyDatabase>,
    pub sealer: Arc<DaySealer>,
}

/// A running organization.
pub struct House {
    pub directory: DataDirectory,
    pub class: EnvironmentClass,
    pub keyring: Arc<Keyring>,
    pub sealer: Arc<DaySealer>,
    pub store: Arc<Sqlite>,
    pub record: Record,
    pub identity: ::identity::Identity,
    pub desk: Arc<Desk>,
    pub queue: Queue,
    pub alert_limits: compliance::Limits,
    pub policies: PolicyDesk,
    pub agreements: Register,
    /// Where its days begin and end.
    pub zone: jiff::tz::TimeZone,
    /// When it works; none where no hours are set.
    pub hours: Option<Arc<::identity::Hours>>,
    pub phone: Option<web::Phone>,
    pub clock: Clock,
    _lock: Lock,
}

impl Keys {
    pub fn open(directory: &DataDirectory, kek: &Kek, class: Option<EnvironmentClass>) -> Result<Self, ServerError> {
        let root_file = directory.root_file()?;
        let root = root_file.unwrap(kek, class.unwrap_or(root_file.class))?;
        let keyring = Arc::new(Keyring::new(root_file.organization, root));
        let databases = DatabaseKeys {
            record: keyring.purpose("wardstone/database/record/v1"),
            keys: keyring.purpose("wardstone/database/keys/v1"),
            index: keyring.purpose("wardstone/database/index/v1"),
        };
        let database = Sqlite::open_keys(directory.path(), &databases)?;
        let sealer = Arc::new(DaySealer::new(keyring.clone(), database.clone()));
        Ok(Self { class: root_file.class, keyring, databases, database, sealer })
    }

    /// The name under which the log signs its checkpoints: the same on every machine the organization moves to.
    pub fn log_origin(&self) -> String {
        format!("wardstone/{}", crypto::kek::hex_encode(&self.keyring.organization()))
    }

    /// The desk, beside whatever else has it open.
    pub fn open_desk(&self, directory: &DataDirectory) -> Result<Desk, ServerError> {
        Ok(Desk::open(directory.path(), self.desk(), self.keyring.seal_key(DESK_SEAL))?)
    }

    /// What opens the desk's file.
    pub fn desk(&self) -> zeroize::Zeroizing<[u8; 32]> {
        self.keyring.purpose(DESK_KEY)
    }

    /// The key that checks the log's checkpoints.
    pub fn verifier_key(&self) -> audit::VerifierKey {
        audit::VerifierKey::new(&self.log_origin(), self.keyring.log_signing_key().verifying_key())
    }
}

/// A file that is there and cannot be read stops the start: a rule that is not heeded keeps what nobody may keep.
fn collection(directory: &DataDirectory) -> Result<CollectionPolicy, ServerError> {
    let path = directory.join(COLLECTION_FILE);
    if !path.exists() {
        return Ok(CollectionPolicy::standard()?);
    }
    Ok(CollectionPolicy::parse(&crate::files::read_text(&path)?)?)
}

impl House {
    pub async fn open(opening: Opening) -> Result<Self, ServerError> {
        let Opening { directory, kek, class, base_url, sink, watch, clock } = opening;
        let lock = directory.lock()?;
        // The umask of the process decides what SQLite and the log create: owner only.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let keys = Keys::open(&directory, &kek, class)?;
        let log_clock = clock.clone();
        let options = LogOptions {
            sink,
            ..LogOptions::new(
                keys.sealer.clone(),
                keys.keyring.log_signing_key(),
                keys.log_origin(),
                Arc::new(move || log_clock().max(0) as u64),
                Arc::new(|out: &mut [u8]| crypto::random(out).map_err(|_| LogError::Random)),
            )
        };
        let log = Arc::new(AuditLog::open(&directory.join(AUDIT_FOLDER), options)?);
        let is_new = log.size() == 0;
        let Keys { class, keyring, databases, database, sealer } = keys;
        let store = Sqlite::open(directory.path(), &databases, database, log, sealer.clone(), clock.clone())?;
        if store.index_lost() {
            tracing::warn!("the index could not be used and is built anew");
        }
        let store = Arc::new(store);
        let desk_key = keyring.purpose(DESK_KEY);
        let desk = Arc::new(Desk::open(directory.path(), desk_key, keyring.seal_key(DESK_SEAL))?);
        let settings = Settings {
            policies: Policies::embedded()?,
            collection: collection(&directory)?,
            clock: clock.clone(),
            base_url: base_url.clone(),
            desk: desk.clone(),
        };
        let record = Record::open(store.clone(), keyring.clone(), settings).await?;
        let identity = identity::open(&base_url, desk.clone(), &store, &keyring, &record, &watch, clock.clone())?;
        let witness = Witness::of(&store);
        let queue = Queue::open(QueueParts { desk: desk.clone(), witness: witness.clone(), clock: clock.clone() })?;
        let zone = watch.people.time_zone()?;
        let agreements = Register::open(RegisterParts {
            desk: desk.clone(),
            witness: witness.clone(),
            clock: clock.clone(),
            zone: zone.clone(),
        })?;
        let live = record.clone();
        let policies = PolicyDesk::open(PolicyDeskParts {
            desk: desk.clone(),
            witness,
            reader: store.log_reader(),
            clock: clock.clone(),
            go_live: Arc::new(move |policies| live.set_policies(policies)),
        })?;
        let house = Self {
            directory,
            class,
            keyring,
            sealer,
            store,
            record,
            identity,
            desk,
            queue,
            alert_limits: watch.limits,
            policies,
            agreements,
            zone,
            phone: watch.people.phone()?,
            hours: watch.people.hours.is_some().then(|| watch.people.hours()).transpose()?.map(Arc::new),
            clock,
            _lock: lock,
        };
        if is_new {
            house.note(audit::Action::LogBirth, "system", None).await?;
        }
        house.note_offline_acts().await?;
        Ok(house)
    }

    /// Writes an event of the system or of an operator into the audit log, durably.
    pub async fn note(&self, action: audit::Action, user: &str, subject: Option<&str>) -> Result<(), ServerError> {
        self.note_outcome(action, user, subject, None, Outcome::Success).await
    }

    pub async fn note_outcome(
        &self,
        action: audit::Action,
        user: &str,
        subject: Option<&str>,
        count: Option<u64>,
        outcome: Outcome<'_>,
    ) -> Result<(), ServerError> {
        let role = if user == "system" { "system" } else { "operator" };
        let who = Who { user, role, session: None, on_behalf_of: None };
        let mut event = Event::new((self.clock)().max(0) as u64, action, Purpose::SystemAdministration, who);
        event.subject = subject;
        event.count = count;
        event.outcome = outcome;
        self.store.record_event(Evidence::of(&event)?).await?;
        Ok(())
    }

    /// What commands did that do not open the log: their events are written now.
    async fn note_offline_acts(&self) -> Result<(), ServerError> {
        let waiting = offline::waiting(&self.directory, &self.keyring)?;
        for act in &waiting.acts {
            self.note(act.action(), act.operator(), Some(&act.subject())).await?;
        }
        if waiting.damaged > 0 {
            let (subject, outcome) = (Some("offline acts that cannot be read"), Outcome::Failed { code: 500 });
            self.note_outcome(audit::Action::Verify, "unknown", subject, Some(waiting.damaged), outcome).await?;
        }
        offline::forget(&self.directory)
    }

    /// What is sent from here, by what the configuration names. Reads its files; connects nowhere.
    pub fn outbox(&self, settings: &outward::Settings, base_url: &str) -> Result<Outbox, ServerError> {
        Ok(Outbox::open(OutboxParts {
            desk: self.desk.clone(),
            witness: Witness::of(&self.store),
            register: self.agreements.clone(),
            clock: self.clock.clone(),
            clinic: Clinic::new(self.identity.organization(), base_url, self.zone.clone())?,
            adapters: settings.open()?,
        })?)
    }

    /// Makes everything durable and lets the directory go.
    pub async fn close(self) -> Result<(), ServerError> {
        let House { store, record, identity, desk, queue, policies, agreements, _lock, .. } = self;
        // Identity asks the record and policies go live in it; all of them hold the store's log.
        drop((queue, policies, agreements, identity, desk, record));
        let closing = tokio::task::spawn_blocking(move || store.close());
        let closed = closing.await;
        drop(_lock);
        closed.map_err(|_| ServerError::Refused("the store could not be closed cleanly".into()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_organization_says_itself_what_it_does_not_keep() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(crate::directory::ROOT_FILE), "").unwrap();
        let directory = DataDirectory::open(folder.path()).unwrap();
        let keeps = |policy: &CollectionPolicy, system| {
            let value = access::CollectValue { system: Some(system), ..access::CollectValue::default() };
            policy.keeps("Patient", "identifier", value)
        };
        let ssn = "http://hl7.org/fhir/sid/us-ssn";
        assert!(!keeps(&collection(&directory).unwrap(), ssn));
        std::fs::write(directory.join(COLLECTION_FILE), "photo: refuse Patient.photo\n").unwrap();
        let own = collection(&directory).unwrap();
        assert!(keeps(&own, ssn) && !own.keeps("Patient", "photo", access::CollectValue::default()));
        std::fs::write(directory.join(COLLECTION_FILE), "photo: loose Patient.photo\n").unwrap();
        assert!(collection(&directory).is_err());
    }
}
