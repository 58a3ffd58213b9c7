//! `wardstone relay coturn-config`

use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::PathBuf;

use telehealth::turn::coturn::{Coturn, CoturnTls, SecretLine};

use super::Outcome;
use crate::config::Config;
use crate::{ServerError, files, say};

/// What coturn is told to hold at once, unless told otherwise.
const ALLOCATIONS_MAX: u32 = 2_000;
const TURN_PORT: u16 = 3478;
const TURNS_PORT: u16 = 5349;

/// Print the configuration of a coturn that relays calls for this server
///
/// Realm, ports and secret are those of `[visits]`: what browsers are told is what coturn does. Paths and addresses given
/// here are those of the machine that coturn runs on. Without --out and --with-secret the secret's line says where it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone relay coturn-config --config /etc/wardstone.toml --listen 203.0.113.9 \\\n    \
        --certificate /etc/coturn/cert.pem --key /etc/coturn/key.pem --out turnserver.conf\n  \
    wardstone relay coturn-config --config /etc/wardstone.toml --listen 10.0.0.5 --external 203.0.113.9 --with-secret |\n    \
        ssh relay 'umask 077; cat > /etc/turnserver.conf'")]
pub struct Args {
    /// The settings of `wardstone serve`
    #[arg(long, value_name = "FILE", env = "WARDSTONE_CONFIG")]
    config: PathBuf,
    /// The address at which coturn listens and relays
    #[arg(long, value_name = "IP")]
    listen: IpAddr,
    /// The address that the internet sees, where it is another
    #[arg(long, value_name = "IP")]
    external: Option<IpAddr>,
    /// The chain of certificates, for addresses that begin with turns:
    #[arg(long, value_name = "PATH", requires = "key")]
    certificate: Option<String>,
    /// Its private key
    #[arg(long, value_name = "PATH", requires = "certificate")]
    key: Option<String>,
    /// First and last port to relay from
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports, default_value = "49152-65535")]
    ports: (u16, u16),
    /// Relayed ports at once, of all calls together
    #[arg(long, value_name = "COUNT", default_value_t = ALLOCATIONS_MAX)]
    allocations_max: u32,
    /// Print the secret too
    #[arg(long, conflicts_with = "out")]
    with_secret: bool,
    /// Write a new file for its owner alone, with the secret, and print nothing
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What an address says: `turns:relay.example:5349?transport=tcp`.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    is_tls: bool,
    host: &'a str,
    port: u16,
}

pub fn run(args: &Args) -> Result<Outcome, ServerError> {
    let config = Config::load(Some(&args.config), |name| std::env::var(name).ok())?;
    let visits = &config.visits;
    let places: Vec<Place<'_>> = visits.coturn.iter().map(|url| place(url)).collect::<Result<_, _>>()?;
    let first = places.first().ok_or_else(|| usage("[visits] coturn is not set: there is nothing to configure"))?;
    let tls = match (one_port(&places, true)?, &args.certificate, &args.key) {
        (None, None, _) => None,
        (Some(port), Some(certificate), Some(private_key)) => Some(CoturnTls { port, certificate, private_key }),
        (Some(_), ..) => {
            return Err(usage("[visits] coturn has an address with turns: and so needs --certificate and --key"));
        }
        (None, ..) => return Err(usage("[visits] coturn has no address with turns: for the certificate")),
    };
    let coturn = Coturn {
        realm: first.host,
        listen: args.listen,
        advertised: args.external,
        // It listens there without TLS in any case.
        port: one_port(&places, false)?.unwrap_or(TURN_PORT),
        tls,
        relay_ports: args.ports,
        total_allocations_max: args.allocations_max,
    };
    let text = |secret: &SecretLine<'_>| coturn.configuration(secret).map_err(crate::visits::refused);
    if args.out.is_none() && !args.with_secret {
        let named = visits.coturn_secret_file.as_deref().ok_or_else(|| usage("coturn_secret_file is not set"))?;
        say::line(text(&SecretLine::Named(named))?.trim_end());
        return Ok(Outcome::Done);
    }
    let secrets = visits.coturn_secrets()?;
    let text = zeroize::Zeroizing::new(text(&SecretLine::Written(&secrets))?);
    match &args.out {
        Some(path) => {
            files::create_secret(path, text.as_bytes())?;
            say::line(format!("{} has the secret in it: it is for its owner alone", path.display()));
        }
        None => {
            say::line(text.trim_end());
            if std::io::stdout().is_terminal() {
                say::error("the secret is on this screen");
            }
        }
    }
    Ok(Outcome::Done)
}

fn place(url: &str) -> Result<Place<'_>, ServerError> {
    let wrong = || usage("an address of a coturn is turn: or turns:, a name, and a port");
    let (scheme, rest) = url.split_once(':').ok_or_else(wrong)?;
    let is_tls = match scheme {
        "turn" => false,
        "turns" => true,
        _ => return Err(wrong()),
    };
    let authority = rest.split('?').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of `[2001:db8::1]` is not before a port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (authority, if is_tls { TURNS_PORT } else { TURN_PORT }),
    };
    if host.is_empty() { Err(wrong()) } else { Ok(Place { is_tls, host, port }) }
}

/// One coturn of this configuration listens on one port with TLS and on one without.
fn one_port(places: &[Place<'_>], is_tls: bool) -> Result<Option<u16>, ServerError> {
    let mut ports = places.iter().filter(|place| place.is_tls == is_tls).map(|place| place.port);
    let Some(port) = ports.next() else { return Ok(None) };
    match ports.all(|other| other == port) {
        true => Ok(Some(port)),
        false => Err(usage("[visits] coturn has several ports of one kind: configure that coturn by hand")),
    }
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let wrong = "two ports, such as 49152-65535";
    let (first, last) = text.split_once('-').ok_or(wrong)?;
    Ok((first.parse().map_err(|_| wrong)?, last.parse().map_err(|_| wrong)?))
}

fn usage(words: &str) -> ServerError {
    ServerError::Usage(words.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_that_browsers_are_told() {
        let (turn, turns) =
            (place("turn:relay.example:3480?transport=udp"), place("turns:relay.example?transport=tcp"));
        let places = [turn.unwrap(), turns.unwrap()];
        assert_eq!(places[0], Place { is_tls: false, host: "relay.example", port: 3480 });
        assert_eq!(one_port(&places, false).unwrap(), Some(3480));
        assert_eq!(one_port(&places, true).unwrap(), Some(TURNS_PORT));
        assert_eq!(place("turn:[2001:db8::1]").unwrap().host, "[2001:db8::1]");
        for wrong in ["stun:relay.example", "turn:", "relay.example", "turn:relay.example:many"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
        let two = [place("turn:a:1").unwrap(), place("turn:a:2").unwrap()];
        assert!(one_port(&two, false).is_err());
    }
}
