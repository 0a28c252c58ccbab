//! `crl fetch`.

use super::{Page, Server, nobody};
use crate::common::pki::{Authority, Crl, Leaf, crl_at, crl_pem};
use crate::common::{Ran, Test, have};

/// A CA with a web server, and a client whose certificate says where the list is.
struct Issuer {
    test: Test,
    ca: Authority,
    server: Server,
    client: Leaf,
}

impl Issuer {
    fn new() -> Issuer {
        Issuer::naming(&["/ca/clients.crl"])
    }

    /// Paths are on the server; whole urls stay as they are.
    fn naming(places: &[&str]) -> Issuer {
        let (test, ca, server) = (Test::new(), Authority::root("Client CA"), Server::start());
        let urls: Vec<String> =
            places.iter().map(|p| if p.starts_with('/') { server.url(p) } else { (*p).to_owned() }).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let client = ca.leaf_with(&["alice"], |p| p.custom_extensions = vec![crl_at(&urls)]);
        test.file("ca.pem", ca.pem());
        test.file("client.pem", client.pem());
        std::fs::create_dir(test.path("crls")).unwrap();
        Issuer { test, ca, server, client }
    }

    fn publishes(&self, list: &Crl) -> Vec<u8> {
        let der = self.ca.crl(list);
        self.server.serves("/ca/clients.crl", der.clone());
        der
    }

    fn fetch(&self, args: &[&str]) -> Ran {
        self.test.run([&["crl", "fetch", "client.pem", "--trust", "ca.pem", "-o", "crls"], args].concat())
    }

    fn written(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.test.path("crls")).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn only(&self) -> String {
        let written = self.written();
        assert_eq!(written.len(), 1, "{written:?}");
        format!("crls/{}", written[0])
    }
}

#[test]
fn a_list_is_written_once_it_is_proven() {
    let issuer = Issuer::new();
    let list = issuer.publishes(&Crl { revoked: vec![5, 6], ..Crl::default() });
    issuer.fetch(&[]).exits(0).out_has("wrote crls/127.0.0.1_").out_has("2 entries");
    let path = issuer.only();
    assert_eq!((issuer.test.text(&path), issuer.test.mode(&path)), (crl_pem(&list), 0o444));
    if have("openssl") {
        let args = ["crl", "-in", &path, "-CAfile", "ca.pem", "-noout"];
        issuer.test.peer("openssl", args).exits(0).err_has("verify OK");
    }
    issuer.fetch(&[]).exits(0).out_has("unchanged");
    assert_eq!(issuer.fetch(&["-q"]).exits(0).stdout, "");
    // PEM is no form for this, but some CAs publish it.
    issuer.server.serves("/ca/clients.crl", crl_pem(&list));
    issuer.fetch(&["--detailed-exitcode"]).exits(0).out_has("unchanged");
}

#[test]
fn the_issuer_may_be_among_the_files_or_named() {
    let issuer = Issuer::new();
    issuer.publishes(&Crl::default());
    issuer.test.file("other.pem", Authority::root("Another CA").pem());
    let fetch = |args: &[&str]| {
        issuer.test.run([&["crl", "fetch", "client.pem", "--trust", "other.pem", "-o", "crls", "-n"], args].concat())
    };
    fetch(&["ca.pem"]).exits(0).out_has("would write");
    fetch(&["--issuer", "ca.pem"]).exits(0).out_has("would write");
    fetch(&[]).exits(3).err_has("skipped[crl-issuer-missing]").err_has("CN=Client CA");
    // The right name is not enough.
    issuer.test.file("impostor.pem", Authority::root("Client CA").pem());
    fetch(&["--issuer", "impostor.pem"]).exits(1).err_has("error[crl-not-by-issuer]");
    assert!(issuer.written().is_empty());
}

#[test]
fn nothing_else_than_the_issuers_list_is_written() {
    let issuer = Issuer::new();
    let other = Authority::root("Another CA");
    let good = issuer.ca.crl(&Crl::default());
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let impostor = Authority::root("Client CA");
    issuer.test.file("other.pem", other.pem());
    for (body, code) in [
        (impostor.crl(&Crl::default()), "crl-not-by-issuer"),
        // A list of a CA that is known, but of another one than the certificate's.
        (other.crl(&Crl::default()), "crl-not-by-issuer"),
        (damaged, "crl-not-by-issuer"),
        (issuer.ca.crl(&Crl { delta: Some(1), ..Crl::default() }), "fetched-no-crl"),
        ([&good[..], &good].concat(), "fetched-no-crl"),
        (issuer.ca.der.clone(), "fetched-no-crl"),
        (b"<html>".to_vec(), "fetched-no-crl"),
        (Vec::new(), "fetched-no-crl"),
    ] {
        issuer.server.serves("/ca/clients.crl", body);
        issuer.fetch(&["--issuer", "other.pem"]).exits(1).err_has(&format!("error[{code}]"));
        issuer.fetch(&["--issuer", "other.pem", "--force", "--accept", code]);
        assert!(issuer.written().is_empty());
    }
}

#[test]
fn a_newer_list_takes_the_place_of_an_older_one() {
    let issuer = Issuer::new();
    let list = |number, this_update| Crl { number, this_update, ..Crl::default() };
    issuer.publishes(&list(9, 2020));
    issuer.fetch(&[]).exits(0);
    let newer = issuer.publishes(&list(200, 2021));
    issuer.fetch(&["--detailed-exitcode"]).exits(10).out_has("replaced");
    for older in [list(9, 2020), list(199, 2022), list(200, 2020)] {
        issuer.publishes(&older);
        for force in [&[][..], &["--force"]] {
            issuer.fetch(force).exits(0).err_has("warning[crl-older]");
            assert_eq!(issuer.test.text(issuer.only()), crl_pem(&newer));
        }
    }
}

#[test]
fn somebody_elses_file_stays() {
    let issuer = Issuer::new();
    issuer.publishes(&Crl::default());
    issuer.fetch(&[]).exits(0);
    let path = issuer.only();
    for text in ["mine\n", &crl_pem(&Authority::root("Another CA").crl(&Crl::default()))] {
        std::fs::remove_file(issuer.test.path(&path)).unwrap();
        issuer.test.file(&path, text);
        issuer.fetch(&[]).exits(4).err_has("file-exists");
        assert_eq!(issuer.test.text(&path), text);
    }
    issuer.fetch(&["--force"]).exits(0).out_has("replaced");
}

#[test]
fn another_url_serves_as_well_and_one_that_fails_does_not_stop_the_rest() {
    let issuer = Issuer::naming(&["ldap://ca.example/x", &nobody(), "/gone", "/ca/clients.crl"]);
    issuer.publishes(&Crl::default());
    let ran = issuer.fetch(&[]).exits(0).err_has("note[url-not-http]").err_has("warning[fetch-failed]");
    ran.err_has("connection refused").err_has("the server answered 404");
    // Of two CAs one is down: the other's list is written, and the exit code tells.
    let down = Authority::root("Down CA");
    let bob = down.leaf_with(&["bob"], |p| p.custom_extensions = vec![crl_at(&[&issuer.server.url("/down")])]);
    issuer.test.file("bob.pem", bob.pem() + &down.pem());
    std::fs::remove_file(issuer.test.path(issuer.only())).unwrap();
    issuer.fetch(&["bob.pem"]).exits(6).err_has("error[fetch-failed]: the server answered 404").out_has("wrote");
    issuer.only();
}

#[test]
fn a_network_that_fails_is_exit_6_and_writes_nothing() {
    for (place, page) in [("/none", None), ("/slow", Some(Page::Slow)), ("/endless", Some(Page::Endless))] {
        let issuer = Issuer::naming(&[place]);
        if let Some(page) = page {
            issuer.server.serve(place, page);
        }
        let timeout = if place == "/slow" { "1s" } else { "60s" };
        issuer.fetch(&["--timeout", timeout]).exits(6).err_has("error[fetch-failed]");
        assert!(issuer.written().is_empty());
    }
    let issuer = Issuer::naming(&["ldap://ca.example/x"]);
    issuer.fetch(&[]).exits(3).err_has("skipped[url-not-http]");
}

#[test]
fn certificates_that_name_no_list_are_told() {
    let issuer = Issuer::new();
    issuer.publishes(&Crl::default());
    issuer.test.file("silent.pem", issuer.ca.leaf(&["carol"]).pem());
    issuer.fetch(&["silent.pem"]).exits(0).err_has("note[crl-nowhere]: `carol` names none");
    issuer
        .test
        .run(["crl", "fetch", "silent.pem", "--trust", "ca.pem", "-o", "crls"])
        .exits(1)
        .err_has("error[crl-nowhere]");
}

#[test]
fn each_list_is_fetched_once_and_a_stale_one_is_told() {
    let issuer = Issuer::new();
    issuer.publishes(&Crl { next_update: Some(2021), number: 3, ..Crl::default() });
    issuer.test.file("again.pem", issuer.client.pem() + &issuer.ca.pem());
    issuer.fetch(&["again.pem"]).exits(1).err_has("error[crl-expired]").out_has("wrote");
    assert_eq!(issuer.server.asked(), ["/ca/clients.crl"]);
    let json = issuer.fetch(&["--json", "--at", "2020-06-01"]).exits(0).json();
    let crl = &json["result"]["crls"][0];
    assert_eq!((&crl["number"], &crl["url"]), (&"03".into(), &issuer.server.url("/ca/clients.crl").into()));
    assert_eq!(crl["path"], issuer.only());
}
