//! `prepare`: everything between what a CA sent and what a server serves. Reads the pile and the key, finds the chain, judges it,
//! plans the files in their one layout and prints the server's directives. It shows the plan first and writes with `--apply`:
//! this is the beginner's path.

mod words;

use std::path::PathBuf;

use crate::checks::key::KEY_NOT_FOUND;
use crate::commands::chain::build as chain;
use crate::commands::fetching::FetchArgs;
use crate::commands::set::layout::{KEY, Layout, PASSWORD};
use crate::commands::set::{self, judge, secret_file};
use crate::commands::target::{BuildArgs, Servers};
use crate::commands::{Context, Outcome, any_error, emit, gather};
use crate::content::VersionFile;
use crate::error::{Error, Result};
use crate::files::trust;
use crate::finding::{Origin, rules};
use crate::material::cert::Cert;
use crate::material::key::PrivateKey;
use crate::material::{Block, Item, Material};
use crate::name::HostName;
use crate::pki::chain::Pile;
use crate::pki::select::Selection;
use crate::pki::verify::{Purpose, Wanted};
use crate::plan::{Plan, Step};
use crate::report::describe;
use crate::report::{Line, Report, Value, object};
use crate::servers::Server;
use crate::servers::build::Build;
use crate::servers::profile::Profile;
use crate::settings::TlsSettings;

/// Turn what a CA sent into what a server serves
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit prepare dovecot mail.zip --key mail.key
  pkit prepare dovecot mail.zip --key mail.key --name mail.example.org --apply
  pkit prepare dovecot,postfix,openldap mail.zip --key mail.key --apply
  pkit prepare dovecot certs/ --key mail.key --trust our-root.pem --dir /srv/tls

Inputs are PEM or DER, zip, PKCS#7, directories, or - for standard input, in
any order. Written are DIR/pkit/NAME/0001/{fullchain,privkey}.pem, what single
servers want besides (Postfix key and chain in one file, slapd, Courier and
Exim a copy of the key that their user owns), and the link DIR/pkit/NAME/current,
which the directives name.")]
pub struct Args {
    /// The server; several with commas between them
    #[arg(value_name = "SERVER[,SERVER]")]
    servers: Servers,
    /// What the CA sent
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The private key, where it is not among the inputs
    #[arg(long)]
    key: Option<PathBuf>,
    /// The host name that clients ask for; the files are kept under it
    #[arg(long, value_name = "HOST")]
    name: Option<HostName>,
    /// The directory below which the files are kept
    #[arg(long, default_value = "/etc/ssl")]
    dir: PathBuf,
    /// Trust anchors: `system`, a file or a directory
    #[arg(long, value_name = "STORE", default_value = "system")]
    trust: trust::Source,
    /// Whether to fetch what is missing
    #[command(flatten)]
    fetch: FetchArgs,
    /// Mozilla's profile for protocols and ciphers
    #[arg(long, default_value = "intermediate", value_parser = emit::profile_parser())]
    profile: &'static Profile,
    /// Which build of the server
    #[command(flatten)]
    build: BuildArgs,
    /// Leave an encrypted key as it is, and its passphrase in a file of its own that the directives name
    #[arg(long)]
    keep_encrypted: bool,
    /// Write the files; without this the plan is only shown
    #[arg(long)]
    apply: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    args.build.fits(&args.servers.0)?;
    let mut material = gather::material(&args.inputs, context)?;
    if args.key.is_none() && material.keys().next().is_none() {
        gather::unlock(&mut material, context)?;
    }
    let store = trust::load(&args.trust)?;
    let pile = Pile::new(material.certs(), &store.anchors);
    let named = args.key.as_deref().map(|path| gather::key(path, context)).transpose()?;
    let (key_at, key) = private_key(&material, named.as_ref(), &pile)?;
    let wanted = Wanted { purpose: Purpose::Server, names: args.name.as_slice(), ..Wanted::at(context.now) };
    let (public, key_path) = (gather::public(key, key_at)?, Some(key_at.path.as_path()));
    let fetched = chain::complete(&args.fetch, &material, &store.anchors, Some(&public), key_path, &wanted)?;
    let pile = Pile::new(material.certs().chain(fetched.material.certs()), &store.anchors);
    let selection = chain::choose(&pile, Some(&public), key_path, &wanted)?;

    let mut findings = material.findings.clone();
    findings.extend(store.incomplete.clone());
    findings.extend(fetched.findings.iter().cloned());
    findings.extend(judge(&pile, &selection, key, key_at, context));
    let findings = context.accepted(findings);
    let forbidden = any_error(&findings);
    let mut report = Report::of(result(&material, &pile, &selection, &store).with("fetched", fetched.value()));
    report.trouble = fetched.trouble(&selection.path);
    report.body = words::inputs(&args.inputs, &material, &selection, context);
    report.body.extend(fetched.lines());
    report.body.push(Line::Text(words::key(key, key_at, &selection)));
    report.body.push(Line::Text(words::chain(&selection, &store)));
    report.findings = findings;
    if forbidden {
        report.body.push(Line::Text("Nothing was written: see the errors, mend them, run it again".into()));
        report.result = report.result.with("plan", Vec::<Value>::new()).with("directives", Value::Null);
        return Ok(Outcome { report, plan: Plan { steps: Vec::new(), only_shown: !args.apply, ..Plan::default() } });
    }

    let base = set::base(&args.dir, &lineage(args.name.as_ref(), selection.leaf.cert)?)?;
    let layout = Layout::of(&args.servers.0, &base)?;
    let told = args.servers.0.iter().map(|server| told(server, args, &layout, selection.leaf.cert));
    let told: Vec<Told> = told.collect::<Result<_>>()?;
    let key_files = key_files(args, key, key_at, context)?;
    let plan = Plan {
        steps: vec![Step::Version(layout.version(&selection, key, key_files, context))],
        only_shown: !args.apply,
        ..Plan::default()
    };
    let changes = plan.preview(context.owner)?;
    report.body.push(Line::Text(if args.apply { "Files" } else { "Would write (run again with --apply)" }.into()));
    report.body.push(Line::Changes);
    told.iter().for_each(|told| report.body.extend(words::settings(told, args.profile)));
    report.body.extend(words::next(args, selection.leaf.cert));
    let text: Vec<String> = told.iter().map(|told| told.directives.text()).collect();
    report.result = report.result.with("plan", changes.iter().map(planned).collect::<Vec<_>>());
    report.result = report.result.with("server_version", told.first().map(|told| told.build.version.to_string()));
    report.result = report.result.with("directives", text.join("\n"));
    report.result = report.result.with("servers", told.iter().map(Told::value).collect::<Vec<_>>());
    Ok(Outcome { report, plan })
}

/// One server, and what it is to be told.
struct Told {
    server: &'static Server,
    build: Build,
    directives: emit::Directives,
}

impl Told {
    fn value(&self) -> Value {
        object! {
            "server" => self.server.name,
            "server_version" => self.build.version.to_string(),
            "tls_library" => self.build.library.to_string(),
            "files" => self.directives.files_value(),
            "notes" => self.directives.notes.clone(),
        }
    }
}

/// What the certificate itself tells is told too, where the server can be told: its names, and its OCSP responder.
fn told(server: &'static Server, args: &Args, layout: &Layout, leaf: &Cert) -> Result<Told> {
    let build = args.build.decide(server)?;
    let (certificate, key) = layout.files_of(server);
    let asked = TlsSettings {
        level: Some(server.level.into()),
        certificate: Some(certificate.into()),
        key: Some(key.into()),
        key_password_file: args.keep_encrypted.then(|| layout.password().into()),
        ..TlsSettings::default()
    };
    let names: Vec<String> = leaf.dns_names().map(str::to_owned).collect();
    let staples = !leaf.extensions.ocsp.is_empty();
    let more = TlsSettings {
        names: (!names.is_empty()).then(|| names.into()),
        stapling: staples.then(|| true.into()),
        ..asked.clone()
    };
    let asked = if server.write(&more, build, &server.style).is_ok() { more } else { asked };
    let directives = emit::directives(server, &server.style, &asked, args.profile, build)?;
    Ok(Told { server, build, directives })
}

/// The key that was named, else the one key of the pile; of several the one that a certificate of the pile was made for.
fn private_key<'a>(
    material: &'a Material,
    named: Option<&'a (Origin, PrivateKey)>,
    pile: &Pile<'_>,
) -> Result<(&'a Origin, &'a PrivateKey)> {
    if let Some((origin, key)) = named {
        return Ok((origin, key));
    }
    set::key_of(material, pile).map_err(|error| {
        let lacking = error.rule == &KEY_NOT_FOUND;
        if lacking { error.hint("name the key that the CSR was made with: --key FILE") } else { error }
    })
}

/// The name under which the set is kept: as asked for, else the first name of the certificate, without its wildcard.
fn lineage(asked: Option<&HostName>, leaf: &Cert) -> Result<HostName> {
    let presented = || leaf.dns_names().filter_map(|name| name.strip_prefix("*.").unwrap_or(name).parse().ok()).next();
    asked.cloned().or_else(presented).ok_or_else(|| {
        Error::input(
            &NAME_NEEDED,
            format!("the certificate `{}` presents no host name to keep it under", leaf.short_name()),
        )
    })
}

/// The key decrypted, since servers start unattended; or as it came, with its passphrase beside it.
fn key_files(args: &Args, key: &PrivateKey, key_at: &Origin, context: &Context) -> Result<Vec<VersionFile>> {
    let kind = key.kind();
    if !args.keep_encrypted {
        return Ok(vec![secret_file(KEY, key.to_pkcs8_pem().as_bytes(), kind.to_string())]);
    }
    let Some(sealed) = gather::sealed_pem(&key_at.path, key, &context.secret)? else {
        let message = format!("{key_at}: this key is not encrypted in PKCS#8, so it cannot be kept as it is");
        return Err(Error::input(&NOT_ENCRYPTED, message).path(&key_at.path));
    };
    // Without a newline: Dovecot takes the whole file as the password.
    let passphrase = context.secret.existing(&key_at.to_string())?.octets();
    Ok(vec![
        secret_file(KEY, sealed.as_bytes(), format!("{kind}, encrypted")),
        secret_file(PASSWORD, passphrase, "the passphrase of the key".into()),
    ])
}

fn planned(change: &crate::change::Change) -> Value {
    object! {
        "path" => change.path.as_path(), "mode" => change.mode.map(|m| format!("{m:04o}")),
        "owner" => change.owner.as_str(), "group" => change.group.as_str(), "action" => change.action.word(),
    }
}

fn result(material: &Material, pile: &Pile<'_>, selection: &Selection<'_>, store: &trust::Store) -> Value {
    let origin = |cert: &Cert| pile.found().iter().find(|f| f.cert == cert).map(|f| f.origin);
    let input = |block: &Block| {
        let role = if let Item::Cert(cert) = &block.item { Some(words::role(cert, selection)) } else { None };
        object! {
            "path" => block.origin.path.as_path(), "member" => block.origin.member.clone(),
            "index" => block.origin.index, "kind" => block.item.kind(), "format" => block.format.word(), "role" => role,
        }
    };
    object! {
        "inputs" => material.blocks.iter().map(input).collect::<Vec<_>>(),
        "leaf" => describe::certificate(selection.leaf.cert, Some(selection.leaf.origin)),
        "chain" => selection.path.certs.iter().map(|c| describe::certificate(c, origin(c))).collect::<Vec<_>>(),
        "trust" => object! {
            "anchored" => selection.path.is_anchored(),
            "store" => store.short_name.as_str(),
            "path" => store.path.as_path(),
        },
    }
}

rules! {
    /// Nothing to keep.
    NOT_ENCRYPTED = Error "key-not-encrypted" {
        summary: "the key is to be kept encrypted, and it is not encrypted in a form that servers read",
        help: "encrypt it first: `pkit key convert KEY --encrypt -o ENCRYPTED`, or leave out --keep-encrypted",
        source: "RFC 5958 section 3; PKCS#12 and the old PEM encryption are opened but not written",
    }
    /// No name to keep it under.
    NAME_NEEDED = Error "name-needed" {
        summary: "the certificate presents no host name, and none was given",
        help: "give the name that clients ask for with --name HOST",
        source: "pkit keeps key and chain under DIR/pkit/NAME",
    }
}
