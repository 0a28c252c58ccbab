//! How findings are told, to people and to programs, and which configurations are found.

use super::Bench;

const V23: [&str; 2] = ["--server-version", "2.3.19"];

fn faulty() -> Bench {
    let b = Bench::new();
    b.t.file(
        "dovecot.conf",
        b.filled("# head\n\tssl_cert = D/fullchain.pem\nssl_key = <D/leaf.key\nssl_min_protocol = TLSv1.1\n"),
    );
    b
}

#[test]
fn the_line_is_shown_with_a_caret_and_the_safer_line() {
    let b = faulty();
    let ran = b.t.run(["lint", "dovecot.conf"].iter().chain(&V23)).exits(1);
    let path = b.t.path("fullchain.pem");
    let path = path.to_str().unwrap();
    let carets = "^".repeat(path.chars().count());
    ran.out_has(&format!(
        "error[dovecot-missing-lt]: ssl_cert takes a file's content, and without a bare `<` this text is taken for the content\n  \
         --> dovecot.conf:2:13\n  |\n2 |  ssl_cert = {path}\n  |             {carets}\n   = instead: ssl_cert = <{path}\n   = help: put"
    ))
    .out_has("1 error, 1 warning in 1 file\n");
    let ran = b.t.run(["lint", "dovecot.conf", "--accept", "dovecot-missing-lt"].iter().chain(&V23)).exits(0);
    ran.out_has("note[dovecot-missing-lt]");
    b.t.run(["lint", "dovecot.conf", "--fail-on", "warning", "--accept", "dovecot-missing-lt"].iter().chain(&V23))
        .exits(1);
}

#[test]
fn programs_get_places_and_suggestions() {
    let b = faulty();
    let json = b.t.run(["lint", "dovecot.conf", "--format", "json"].iter().chain(&V23)).exits(1).json();
    let first = &json["findings"][0];
    assert_eq!((&first["id"], &first["line"], &first["column"]), (&"dovecot-missing-lt".into(), &2.into(), &13.into()));
    assert!(first["suggestion"].as_str().unwrap().starts_with("ssl_cert = <"));
    assert!(first["end_column"].as_u64() > first["column"].as_u64());
    assert_eq!(json["result"]["servers"][0]["server"], "dovecot");
    assert_eq!(json["result"]["servers"][0]["files"][0]["role"], "key");
    let sarif = b.t.run(["lint", "dovecot.conf", "--format", "sarif"].iter().chain(&V23)).exits(1).json();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&sarif["version"], &result["ruleId"]), (&"2.1.0".into(), &"dovecot-missing-lt".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 2);
    let github = b.t.run(["lint", "dovecot.conf", "--format", "github"].iter().chain(&V23)).exits(1);
    assert!(
        github.stdout.starts_with("::error file=dovecot.conf,line=2,col=13,title=dovecot-missing-lt::"),
        "{}",
        github.stdout
    );
}

#[test]
fn an_image_is_looked_through_and_its_paths_start_at_its_root() {
    let b = Bench::new();
    let t = &b.t;
    t.file("image/etc/dovecot/dovecot.conf", "!include conf.d/*.conf\n");
    t.file(
        "image/etc/dovecot/conf.d/10-ssl.conf",
        "ssl = yes\nssl_cert = </etc/ssl/c.pem\nssl_key = </etc/ssl/k.pem\n",
    );
    t.file("image/etc/ssl/c.pem", t.read("fullchain.pem"));
    t.file("image/etc/ssl/k.pem", t.read("leaf.key"));
    t.chmod("image/etc/ssl/k.pem", 0o400);
    t.file(
        "image/etc/postfix/main.cf",
        "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = /etc/ssl/k.pem, /etc/ssl/gone.pem\n",
    );
    let ran = t.run(["lint", "--root", "image", "--trust", "root.pem", "--json"]).exits(1);
    let json = ran.json();
    let servers: Vec<_> = json["result"]["servers"].as_array().unwrap().iter().map(|s| s["server"].clone()).collect();
    assert_eq!(servers, ["dovecot", "postfix"]);
    let told = super::findings(&ran, "image/etc/postfix/main.cf");
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(2, "named-file-missing".to_owned())]);
    assert!(super::findings(&ran, "image/etc/dovecot/conf.d/10-ssl.conf").is_empty());
    assert!(json["findings"].as_array().unwrap().iter().any(|f| f["id"] == "server-build-assumed"));
    t.run(["lint", "--root", "nowhere"]).exits(3).err_has("error[config-not-found]");
}

/// Here they would lead out of the image, to nothing or to something else.
#[test]
fn links_of_an_image_lead_to_what_is_in_the_image() {
    let b = Bench::new();
    let t = &b.t;
    let here = |name: &str| t.path(name).to_str().unwrap().to_owned();
    // Where links lead in the image stand other files on this system.
    let (sites, tls, ca) = (here("sites"), here("tls"), here("ca"));
    for (file, at) in [("c.pem", "fullchain.pem"), ("k.pem", "leaf.key")] {
        t.file(format!("image{tls}/{file}"), t.read(at));
        t.file(format!("tls/{file}"), "of this system\n");
    }
    t.chmod(format!("image{tls}/k.pem"), 0o400);
    t.file(format!("image{ca}/root.pem"), t.read("root.pem"));
    let site = "SSLEngine on\nSSLCertificateFile /etc/ssl/c.pem\nSSLCertificateKeyFile /etc/tls/k.pem\n\
                SSLCACertificatePath /etc/ca\nSSLVerifyClient optional\n";
    t.file(format!("image{sites}/mail.conf"), format!("<VirtualHost *:443>\n{site}</VirtualHost>\n"));
    t.file("image/etc/apache2/apache2.conf", "LoadModule ssl_module mod_ssl.so\nInclude sites-enabled/*.conf\n");
    for dir in ["ssl", "apache2/sites-enabled", "ca"] {
        std::fs::create_dir_all(t.path(format!("image/etc/{dir}"))).unwrap();
    }
    for (to, link) in [
        (format!("{sites}/mail.conf"), "apache2/sites-enabled/mail.conf"),
        (format!("{tls}/c.pem"), "ssl/c.pem"),
        (tls.clone(), "tls"),
        (format!("{ca}/root.pem"), "ca/root.pem"),
    ] {
        std::os::unix::fs::symlink(to, t.path(format!("image/etc/{link}"))).unwrap();
    }
    let ran = t.run(["lint", "--root", "image", "--trust", "root.pem", "--server", "apache", "--json"]);
    let json = ran.json();
    let codes: Vec<_> = json["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    // The directory has a CA and no name that OpenSSL would look it up by.
    assert_eq!(codes, ["server-build-assumed", "ca-without-link"], "{json:#}");
    assert_eq!(json["result"]["servers"][0]["files"].as_array().unwrap().len(), 3, "{json:#}");
}

/// A configuration that is a link itself is read by its own name: what it pulls in stands beside that.
#[test]
fn what_is_a_link_in_an_image_keeps_its_name() {
    let b = Bench::new();
    let t = &b.t;
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, t.path(format!("image/etc/{from}"))).unwrap();
    t.file("image/srv/dovecot.cf", "!include conf.d/*.conf\nssl_ca = </l0\n");
    t.file("image/etc/dovecot/conf.d/10-ssl.conf", "ssl = yes\nssl_cert = </etc/c.pem\nssl_key = </etc/k.pem\n");
    t.file("image/etc/c.pem", t.read("fullchain.pem"));
    t.file("image/etc/k.pem", t.read("leaf.key"));
    t.chmod("image/etc/k.pem", 0o400);
    link("/srv/dovecot.cf", "dovecot/dovecot.conf");
    // More links than the kernel follows; the last one leads to a file of this system only.
    for n in 0..=40 {
        let to = if n < 40 { format!("/l{}", n + 1) } else { t.path("root.pem").display().to_string() };
        std::os::unix::fs::symlink(to, t.path(format!("image/l{n}"))).unwrap();
    }
    // The table's text is a link, what is made of it is none.
    let key_and_chain = "mail.example.org /etc/k.pem /etc/c.pem\n";
    t.file("image/srv/names", key_and_chain);
    t.file(
        "image/etc/postfix/main.cf",
        "smtpd_tls_chain_files = /etc/k.pem, /etc/c.pem\ntls_server_sni_maps = hash:/etc/sni\n",
    );
    link("/srv/names", "sni");
    t.file("image/etc/sni.db", "made");
    let absolute = t.path("image").display().to_string();
    for (root, of) in [("image", "image"), ("./image", "image"), (absolute.as_str(), "image"), ("image", &absolute)] {
        let paths = ["dovecot/dovecot.conf", "postfix/main.cf"].map(|path| format!("{of}/etc/{path}"));
        let ran = t.run(["lint", "--root", root, "--trust", "root.pem", "--json", &paths[0], &paths[1]]);
        let json = ran.json();
        let told = |file: &str| {
            let all = json["findings"].as_array().unwrap().iter();
            let here = all.filter(|f| f["severity"] == "error" && f["path"].as_str().unwrap().ends_with(file));
            here.map(|f| f["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told("dovecot.conf"), Vec::<String>::new(), "{root} {of}: {json:#}");
        assert_eq!(told("10-ssl.conf"), Vec::<String>::new(), "{root} {of}: {json:#}");
        assert!(!told("main.cf").contains(&"postfix-sni-not-built".into()), "{root} {of}: {json:#}");
        let unread = json["findings"].as_array().unwrap().iter().filter(|f| f["id"] == "named-file-unread");
        let words: Vec<_> = unread.map(|f| f["message"].as_str().unwrap()).collect();
        assert!(matches!(&words[..], [one] if one.contains("ymbolic links")), "{root} {of}: {json:#}");
    }
}

#[test]
fn whose_a_file_is_is_told_by_it_or_by_the_user() {
    let b = Bench::new();
    b.t.file("x.conf", "some = thing\n");
    b.t.run(["lint", "x.conf"]).exits(3).err_has("error[config-not-recognized]").err_has("--server");
    b.t.run(["lint", "x.conf", "--server", "dovecot", "--server-version", "2.3.19"]).exits(0);
    b.t.run(["lint", "x.conf", "--server", "sendmail"]).exits(2).err_has("dovecot");
    b.t.run(["lint", "nowhere.conf", "--server", "dovecot"]).exits(3).err_has("error[file-missing]");
    b.t.file("some/ssl.conf", "smtpd_tls_security_level = required\n");
    b.t.run(["lint", "some", "--server-version", "3.7"]).exits(1).out_has("postfix-level-unknown");
}

#[test]
fn what_doveconf_prints_is_read_too() {
    let b = Bench::new();
    b.t.file("doveconf.conf", b.filled("# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\nssl = required\nssl_cert = <D/fullchain.pem\nssl_key = # hidden, use -P to show it\n"));
    let ran = b.lint("doveconf.conf", "--server-version 2.3.19");
    let json = ran.json();
    let note = json["findings"].as_array().unwrap().iter().find(|f| f["id"] == "setting-not-understood").unwrap();
    assert!(note["message"].as_str().unwrap().contains("-P"), "{note}");
}
