//! Devices: one's own, and those of others for who manages them.

use access::UserId;
use identity::{DeviceView, Identity};
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{id, instant};
use super::{Asked, Done};

pub fn mine(asked: Asked<'_>) -> Result<Done, Problem> {
    list(asked.identity(), asked.guest()?.session.user)
}

pub async fn close_mine(asked: Asked<'_>, is_lost: bool) -> Result<Done, Problem> {
    let session = &asked.guest()?.session;
    let device = held(asked.identity(), session.user, asked.number(0)?)?;
    asked.identity().close_own_device(session, device, is_lost, &asked.from).await?;
    Done::nothing()
}

pub fn of_user(asked: Asked<'_>) -> Result<Done, Problem> {
    list(asked.identity(), asked.user()?)
}

pub async fn verify(asked: Asked<'_>) -> Result<Done, Problem> {
    let device = asked.device()?;
    asked.identity().verify_device(asked.caller()?, device, &asked.from).await?;
    Done::nothing()
}

pub async fn lose(asked: Asked<'_>) -> Result<Done, Problem> {
    let device = asked.device()?;
    asked.identity().lose_device(asked.caller()?, device, &asked.from).await?;
    Done::nothing()
}

pub async fn retire(asked: Asked<'_>) -> Result<Done, Problem> {
    let device = asked.device()?;
    asked.identity().retire_device(asked.caller()?, device, &asked.from).await?;
    Done::nothing()
}

impl Asked<'_> {
    /// The device that the address names, of the account that it names: no number reaches another's.
    fn device(&self) -> Result<u64, Problem> {
        held(self.identity(), self.user()?, self.number(1)?)
    }
}

fn held(identity: &Identity, user: UserId, device: u64) -> Result<u64, Problem> {
    let is_held = identity.devices_of(user).iter().any(|view| view.number == device);
    if is_held { Ok(device) } else { Err(Problem::not_found()) }
}

fn list(identity: &Identity, user: UserId) -> Result<Done, Problem> {
    let devices: Vec<Value> = identity.devices_of(user).iter().map(shown).collect();
    Done::ok(json!({"devices": devices}))
}

fn shown(view: &DeviceView) -> Value {
    json!({
        "id": id(view.number),
        "name": view.label,
        "state": view.state.word(),
        "first_seen": instant(view.since_ms),
        "last_seen": instant(view.last_ms),
        "verified_by": view.verified_by,
    })
}
