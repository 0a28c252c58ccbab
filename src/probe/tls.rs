//! A handshake as clients make it, TLS 1.2 or 1.3, by rustls. Whatever the server presents is recorded and let pass: what is to be
//! thought of it is for `checks`. What rustls will not speak is for `hello`.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, SignatureScheme,
};

use super::starttls::excerpt;
use super::wire::Wire;
use crate::facts::peer::{Failure, Session, Signed, Stage};
use crate::name::HostName;

/// What the handshake showed, as far as it came, and why it ended before its time. A server that wants a certificate of ours
/// may end it after it has shown its own.
pub(super) fn handshake(wire: &mut Wire, name: &HostName) -> (Option<Session>, Option<Failure>) {
    let seen = Arc::new(Seen::default());
    let mut connection = match connection(&seen, name) {
        Ok(connection) => connection,
        Err(error) => return (None, Some(Failure::Refused(error.to_string()))),
    };
    let failure = shake(wire, &mut connection, &seen).err();
    let recorded = std::mem::take(&mut *seen.recorded());
    let session = (!recorded.chain.is_empty()).then(|| Session {
        version: connection.protocol_version().and_then(version),
        suite: connection.negotiated_cipher_suite().map(|suite| iana(&suite.suite())),
        group: connection.negotiated_key_exchange_group().map(|group| iana(&group.name())),
        chain: recorded.chain,
        signed: recorded.signed,
        asks_for_certificate: recorded.asks_for_certificate,
        stapled: Some(recorded.stapled).filter(|response| !response.is_empty()),
        dh_bits: None,
        is_old: false,
    });
    (session, failure)
}

fn connection(seen: &Arc<Seen>, name: &HostName) -> Result<ClientConnection, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_client_cert_resolver(seen.clone());
    // Each probe is to see the certificates, which a resumed session does not show.
    config.resumption = rustls::client::Resumption::disabled();
    let name = match name {
        HostName::Ip(ip) => ServerName::from(*ip),
        HostName::Dns(name) => {
            ServerName::try_from(name.clone()).map_err(|error| rustls::Error::General(error.to_string()))?
        }
    };
    ClientConnection::new(Arc::new(config), name)
}

/// What is spoken, in the order of Mozilla's list: AES with 128 bits first, as browsers have it. Many processors have its SHA-256 in
/// hardware and SHA-384 not.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    use rustls::crypto::ring::cipher_suite as suite;
    let cipher_suites = vec![
        suite::TLS13_AES_128_GCM_SHA256,
        suite::TLS13_AES_256_GCM_SHA384,
        suite::TLS13_CHACHA20_POLY1305_SHA256,
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ];
    Arc::new(CryptoProvider { cipher_suites, ..rustls::crypto::ring::default_provider() })
});

fn shake(wire: &mut Wire, connection: &mut ClientConnection, seen: &Seen) -> Result<(), Failure> {
    let failed = |wire: &Wire, error| wire.failure(Stage::Handshake, &error);
    while connection.is_handshaking() {
        say(wire, connection).map_err(|error| failed(wire, error))?;
        connection.read_tls(wire).map_err(|error| failed(wire, error))?;
        if let Err(error) = connection.process_new_packets() {
            // An alert is polite, no more.
            let _ = say(wire, connection);
            return Err(failure(&error, wire));
        }
    }
    if is_1_3(connection) && seen.recorded().asks_for_certificate {
        say(wire, connection).map_err(|error| failed(wire, error))?;
        wire.within(VERDICT, |wire| verdict(wire, connection))?;
    }
    // The end goes with the last words of the handshake: the server is woken but once.
    let owes = connection.wants_write();
    connection.send_close_notify();
    match say(wire, connection) {
        Err(error) if owes => Err(failed(wire, error)),
        // The server has shown all it has to show; whether it still reads does not matter.
        _ => Ok(()),
    }
}

/// All that there is to be said, in one piece.
fn say(wire: &mut Wire, connection: &mut ClientConnection) -> io::Result<()> {
    let mut words = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut words)?;
    }
    wire.write_all(&words)
}

/// In TLS 1.3 the handshake is over for us before the server sees that we have no certificate (RFC 8446 section 4.4.2.4). One that
/// wants it hangs up then; another sends tickets, or what belongs to its protocol, or waits for us to speak.
fn verdict(wire: &mut Wire, connection: &mut ClientConnection) -> Result<(), Failure> {
    if let Err(error) = connection.read_tls(wire) {
        return match wire.failure(Stage::Handshake, &error) {
            Failure::TimedOut(_) => Ok(()),
            failure => Err(failure),
        };
    }
    connection.process_new_packets().map(|_| ()).map_err(|error| failure(&error, wire))
}

fn is_1_3(connection: &ClientConnection) -> bool {
    connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
}

/// An answer takes one way there and back.
const VERDICT: Duration = Duration::from_secs(2);

fn failure(error: &rustls::Error, wire: &Wire) -> Failure {
    match error {
        rustls::Error::AlertReceived(alert) => {
            Failure::Refused(format!("the server sent the alert {}", alert_words(*alert)))
        }
        rustls::Error::InvalidMessage(rustls::InvalidMessage::HandshakePayloadTooLarge) => {
            Failure::TooMuch(Stage::Handshake)
        }
        rustls::Error::PeerIncompatible(what) => Failure::Refused(format!("nothing in common: {what:?}")),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            Failure::Nonsense(Stage::Handshake, excerpt(wire.heard()))
        }
        error => Failure::Nonsense(Stage::Handshake, error.to_string()),
    }
}

/// `handshake_failure (40)`, as RFC 8446 section 6 has it.
fn alert_words(alert: AlertDescription) -> String {
    let mut words = String::new();
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(c.to_ascii_lowercase());
    }
    format!("{words} ({})", u8::from(alert))
}

fn version(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
        ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
        _ => None,
    }
}

/// IANA writes TLS_AES_128_GCM_SHA256 where rustls has TLS13_, and group names in small letters.
fn iana(name: &impl fmt::Debug) -> String {
    format!("{name:?}").replacen("TLS13_", "TLS_", 1)
}

/// Takes down what the server presents, and asks nothing of it.
#[derive(Debug, Default)]
struct Seen(Mutex<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    chain: Vec<Vec<u8>>,
    signed: Option<Signed>,
    stapled: Vec<u8>,
    asks_for_certificate: bool,
}

impl Seen {
    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        // Nothing that could panic is done with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, message: &[u8], signed: &DigitallySignedStruct) -> HandshakeSignatureValid {
        let (scheme, signature) = (signed.scheme.into(), signed.signature().to_vec());
        self.recorded().signed = Some(Signed { scheme, message: message.to_vec(), signature });
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut recorded = self.recorded();
        recorded.chain = std::iter::once(end_entity).chain(intermediates).map(|cert| cert.to_vec()).collect();
        recorded.stapled = ocsp_response.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(self.record(message, signed))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(self.record(message, signed))
    }

    /// All that there are: a server chooses its certificate by them, and old ones have keys of old kinds.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        use SignatureScheme as S;
        vec![
            S::ECDSA_NISTP256_SHA256,
            S::ECDSA_NISTP384_SHA384,
            S::ECDSA_NISTP521_SHA512,
            S::ED25519,
            S::ED448,
            S::RSA_PSS_SHA256,
            S::RSA_PSS_SHA384,
            S::RSA_PSS_SHA512,
            S::RSA_PKCS1_SHA256,
            S::RSA_PKCS1_SHA384,
            S::RSA_PKCS1_SHA512,
            S::ECDSA_SHA1_Legacy,
            S::RSA_PKCS1_SHA1,
        ]
    }
}

impl ResolvesClientCert for Seen {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.recorded().asks_for_certificate = true;
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}
