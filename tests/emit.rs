//! `pkit emit`: the words of each server and version, judged by the servers' own configuration readers.

use crate::common::pki::{Authority, Crl, crl_pem, ocsp_at};
use crate::common::{Ran, Test, have};

const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
const SUITES: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
const DHE: &str = "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
const PRIORITY: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:\
                        -CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD";

fn emit(t: &Test, words: &str) -> Ran {
    let files = ["--cert", "/etc/ssl/chain.pem", "--key", "/etc/ssl/key.pem"];
    t.run(["emit"].into_iter().chain(words.split_whitespace()).chain(files))
}

/// The directives without their head, in which CIPHERS, SUITES and PRIORITY stand for the long lists.
fn directives(ran: &Ran) -> String {
    let kept: String = ran.stdout.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
    kept.replace(CIPHERS, "CIPHERS").replace(SUITES, "SUITES").replace(DHE, "DHE").replace(PRIORITY, "PRIORITY")
}

#[track_caller]
fn says(words: &str, want: &str) {
    let ran = emit(&Test::new(), words).exits(0);
    assert_eq!(directives(&ran), want, "{words}");
}

#[test]
fn dovecot_is_told_in_the_words_of_its_version() {
    says(
        "dovecot --server-version 1.1.20 --client-ca /ca.pem --client-cert require --username-from-cert commonName",
        "ssl_disable = no\nssl_cert_file = /etc/ssl/chain.pem\nssl_key_file = /etc/ssl/key.pem\nssl_ca_file = /ca.pem\n\
         ssl_verify_client_cert = yes\nssl_cipher_list = CIPHERS\ndisable_plaintext_auth = yes\nauth default {\n  \
         ssl_require_client_cert = yes\n  ssl_username_from_cert = yes\n}\n",
    );
    says(
        "dovecot --server-version 1.2.17 --listen implicit --log",
        "ssl = required\nssl_cert_file = /etc/ssl/chain.pem\nssl_key_file = /etc/ssl/key.pem\n\
         ssl_cipher_list = CIPHERS\ndisable_plaintext_auth = yes\nverbose_ssl = yes\nprotocols = imaps pop3s\n",
    );
    says(
        "dovecot --server-version 2.2.36",
        "ssl = required\nssl_cert = </etc/ssl/chain.pem\nssl_key = </etc/ssl/key.pem\nssl_protocols = TLSv1.2\n\
         ssl_cipher_list = CIPHERS\nssl_prefer_server_ciphers = no\ndisable_plaintext_auth = yes\n",
    );
    says(
        "dovecot --server-version 2.3.13 --dh /dh.pem --offer-tls --server-order --key-password-file /pw",
        "ssl = yes\nssl_cert = </etc/ssl/chain.pem\nssl_key = </etc/ssl/key.pem\nssl_key_password = </pw\n\
         ssl_dh = </dh.pem\nssl_min_protocol = TLSv1.2\nssl_cipher_list = CIPHERS:DHE\n\
         ssl_prefer_server_ciphers = yes\ndisable_plaintext_auth = yes\n",
    );
    says(
        "dovecot --server-version 2.3.19.1 --profile modern --client-ca /ca.pem --client-cert request",
        "ssl = required\nssl_cert = </etc/ssl/chain.pem\nssl_key = </etc/ssl/key.pem\nssl_ca = </ca.pem\n\
         ssl_verify_client_cert = yes\nauth_ssl_require_client_cert = no\nssl_min_protocol = TLSv1.3\n\
         ssl_cipher_suites = SUITES\nssl_prefer_server_ciphers = no\ndisable_plaintext_auth = yes\n",
    );
    says(
        "dovecot --server-version 2.4.1 --require-tls --client-ca /ca.pem --crl /ca.pem --client-cert require \
         --username-from-cert UID --log --listen starttls --outgoing --outgoing-ca /etc/ssl/certs/",
        "ssl = required\nssl_server_cert_file = /etc/ssl/chain.pem\nssl_server_key_file = /etc/ssl/key.pem\n\
         ssl_server_ca_file = /ca.pem\nssl_server_request_client_cert = yes\nauth_ssl_require_client_cert = yes\n\
         ssl_server_require_crl = yes\nauth_ssl_username_from_cert = yes\nssl_server_cert_username_field = UID\n\
         ssl_min_protocol = TLSv1.2\nssl_cipher_list = CIPHERS\nssl_cipher_suites = SUITES\n\
         ssl_server_prefer_ciphers = client\nauth_allow_cleartext = no\nlog_debug = category=ssl\n\
         ssl_client_ca_dir = /etc/ssl/certs/\nservice imap-login {\n  inet_listener imap {\n    port = 143\n  }\n  \
         inet_listener imaps {\n    port = 0\n  }\n}\nservice pop3-login {\n  inet_listener pop3 {\n    port = 110\n  }\n  \
         inet_listener pop3s {\n    port = 0\n  }\n}\n",
    );
}

/// The outer second certificate is taken away where a part has a certificate of its own.
#[test]
fn dovecot_has_other_certificates_for_protocols_addresses_and_names() {
    says(
        "dovecot --server-version 2.3.19 --alt-cert /e.pem --alt-key /e.key --for imap:/i.pem:/i.key \
         --for 192.0.2.10/pop3:/p.pem:/p.key --for name=*.example.com:/n.pem:/n.key",
        "ssl = required\nssl_cert = </etc/ssl/chain.pem\nssl_key = </etc/ssl/key.pem\nssl_alt_cert = </e.pem\n\
         ssl_alt_key = </e.key\nssl_min_protocol = TLSv1.2\nssl_cipher_list = CIPHERS\nssl_cipher_suites = SUITES\n\
         ssl_prefer_server_ciphers = no\ndisable_plaintext_auth = yes\nprotocol imap {\n  ssl_cert = </i.pem\n  \
         ssl_key = </i.key\n  ssl_alt_cert =\n  ssl_alt_key =\n}\nlocal 192.0.2.10 {\n  protocol pop3 {\n    \
         ssl_cert = </p.pem\n    ssl_key = </p.key\n    ssl_alt_cert =\n    ssl_alt_key =\n  }\n}\n\
         local_name *.example.com {\n  ssl_cert = </n.pem\n  ssl_key = </n.key\n  ssl_alt_cert =\n  ssl_alt_key =\n}\n",
    );
    let mta = "dovecot --server-version 2.4.1 --client-ca /ca.pem --client-cert require --except smtp";
    let text = directives(&emit(&Test::new(), mta).exits(0));
    assert!(text.contains("auth_ssl_require_client_cert = no\n"), "{text}");
    assert!(text.ends_with("protocol !smtp {\n  auth_ssl_require_client_cert = yes\n}\n"), "{text}");
}

#[test]
fn postfix_is_told_in_the_words_of_its_version() {
    let rest = "tls_high_cipherlist = CIPHERS\nsmtpd_tls_ciphers = high\nsmtpd_tls_mandatory_ciphers = high\n\
                tls_preempt_cipherlist = no\nsmtpd_tls_auth_only = yes\n";
    let excluded = "smtpd_tls_protocols = !SSLv2, !SSLv3, !TLSv1, !TLSv1.1\n\
                    smtpd_tls_mandatory_protocols = !SSLv2, !SSLv3, !TLSv1, !TLSv1.1\n";
    let files = "smtpd_tls_cert_file = /etc/ssl/chain.pem\nsmtpd_tls_key_file = /etc/ssl/key.pem\n";
    let chain = "smtpd_tls_chain_files = /etc/ssl/key.pem, /etc/ssl/chain.pem\n";
    says(
        "postfix --server-version 2.4",
        &format!(
            "smtpd_tls_security_level = may\n{files}tls_export_cipherlist = CIPHERS\ntls_high_cipherlist = CIPHERS\n\
             smtpd_tls_mandatory_ciphers = high\nsmtpd_tls_auth_only = yes\n"
        ),
    );
    says("postfix --server-version 2.9.15", &format!("smtpd_tls_security_level = may\n{files}{rest}"));
    says(
        "postfix --server-version 3.3.1 --alt-cert /e.pem --alt-key /e.key",
        &format!(
            "smtpd_tls_security_level = may\n{files}smtpd_tls_eccert_file = /e.pem\nsmtpd_tls_eckey_file = /e.key\n\
             {excluded}{rest}"
        ),
    );
    says("postfix --server-version 3.5.25", &format!("smtpd_tls_security_level = may\n{chain}{excluded}{rest}"));
    says(
        "postfix --server-version 3.7.11 --client-ca /ca.pem --client-cert request",
        &format!(
            "smtpd_tls_security_level = may\n{chain}smtpd_tls_CAfile = /ca.pem\nsmtpd_tls_ask_ccert = yes\n\
             smtpd_tls_req_ccert = no\nsmtpd_tls_protocols = >=TLSv1.2\n\
             smtpd_tls_mandatory_protocols = >=TLSv1.2\n{rest}"
        ),
    );
    says(
        "postfix --server-version 3.10.3 --profile modern --alt-cert /e.pem --alt-key /e.key --client-ca /ca/ --log \
         --session-timeout 1h --no-received-header --outgoing --outgoing-ca /etc/ssl/certs/",
        "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = /etc/ssl/key.pem, /etc/ssl/chain.pem, /e.key, /e.pem\n\
         smtpd_tls_CApath = /ca/\nsmtpd_tls_protocols = >=TLSv1.3\nsmtpd_tls_mandatory_protocols = >=TLSv1.3\n\
         tls_preempt_cipherlist = no\nsmtpd_tls_auth_only = yes\nsmtpd_tls_session_cache_timeout = 3600s\n\
         smtpd_tls_received_header = no\nsmtpd_tls_loglevel = 1\nsmtp_tls_security_level = may\n\
         smtp_tls_protocols = >=TLSv1.3\nsmtp_tls_mandatory_protocols = >=TLSv1.3\nsmtp_tls_CApath = /etc/ssl/certs/\n",
    );
}

/// main.cf, master.cf and the table of names are three texts; as commands they say the same.
#[test]
fn postfix_is_told_of_services_and_names_in_texts_of_their_own() {
    let sasl = "  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_sasl_security_options=noanonymous\n  \
                -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n  \
                -o smtpd_sender_restrictions=reject_sender_login_mismatch\n";
    let t = Test::new();
    let words = "postfix --server-version 3.7 --listen starttls,implicit --for name=imap.example.org:/c2:/k2 \
                 --for name=*.example.com:/both:/both";
    let ran = emit(&t, words).exits(0);
    let text = directives(&ran);
    assert!(text.contains("\ntls_server_sni_maps = hash:/etc/postfix/sni\n"), "{text}");
    let services = format!(
        "\nsubmission inet n - - - - smtpd\n  -o smtpd_tls_security_level=encrypt\n{sasl}\
         smtps inet n - - - - smtpd\n  -o smtpd_tls_wrappermode=yes\n{sasl}"
    );
    assert!(text.contains(&services), "{text}");
    assert!(text.ends_with("\n\nimap.example.org /k2, /c2\n.example.com /both\n"), "{text}");
    assert!(
        ran.stdout.contains("then `postmap -F hash:/etc/postfix/sni`") && ran.stderr.contains("pkit bundle keycert")
    );
    let json = emit(&t, &format!("{words} --json")).exits(0).json();
    let paths: Vec<&str> =
        json["result"]["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/postfix/sni"]);
    says(
        "postfix --server-version 3.7 --profile modern --style postconf --listen implicit",
        &format!(
            "postconf -e 'smtpd_tls_security_level = may'\n\
             postconf -e 'smtpd_tls_chain_files = /etc/ssl/key.pem, /etc/ssl/chain.pem'\n\
             postconf -e 'smtpd_tls_protocols = >=TLSv1.3'\npostconf -e 'smtpd_tls_mandatory_protocols = >=TLSv1.3'\n\
             postconf -e 'tls_preempt_cipherlist = no'\npostconf -e 'smtpd_tls_auth_only = yes'\n\n\
             postconf -M 'smtps/inet=smtps inet n - - - - smtpd'\npostconf -P 'smtps/inet/smtpd_tls_wrappermode=yes'\n{}",
            sasl.lines().map(|l| format!("postconf -P 'smtps/inet/{}'\n", &l[5..])).collect::<String>()
        ),
    );
}

#[test]
fn openldap_is_told_in_one_modify_in_the_words_of_its_library() {
    let head = "dn: cn=config\nchangetype: modify\n";
    let replace = |pairs: &[(&str, &str)]| {
        let changes = pairs.iter().map(|(name, value)| format!("replace: {name}\n{name}: {value}\n-\n"));
        format!("{head}{}", changes.collect::<String>())
    };
    let files = [("olcTLSCertificateFile", "/etc/ssl/chain.pem"), ("olcTLSCertificateKeyFile", "/etc/ssl/key.pem")];
    says(
        "openldap --server-version 2.5.13 --tls-library gnutls",
        &replace(&[files[0], files[1], ("olcTLSCipherSuite", "PRIORITY")]),
    );
    says(
        "openldap --server-version 2.6.10 --tls-library openssl --client-ca /ca.pem --client-cert require",
        &replace(&[
            ("olcTLSCACertificateFile", "/ca.pem"),
            files[0],
            files[1],
            ("olcTLSVerifyClient", "demand"),
            ("olcTLSProtocolMin", "3.3"),
            ("olcTLSCipherSuite", "SUITES:CIPHERS"),
        ]),
    );
    says(
        "openldap --server-version 2.5.13 --tls-library openssl --min-protocol 1.3",
        &replace(&[files[0], files[1], ("olcTLSProtocolMin", "3.4")]),
    );
}

#[test]
fn openldap_is_told_of_crls_where_its_library_looks_for_them() {
    let told = |words: &str| directives(&emit(&Test::new(), words).exits(0));
    let asked = "--client-cert require --client-ca /ca.pem --crl";
    let gnutls = told(&format!("openldap --server-version 2.5.13 --tls-library gnutls --dh /dh.pem {asked} /crls.pem"));
    assert!(gnutls.contains("\nolcTLSCRLFile: /crls.pem\n") && !gnutls.contains("CRLCheck"), "{gnutls}");
    assert!(gnutls.contains(":+ECDHE-RSA:+DHE-RSA:"), "{gnutls}");
    let openssl = told(&format!("openldap --server-version 2.6.10 --tls-library openssl {asked} /ca.pem"));
    assert!(openssl.contains("\nolcTLSCRLCheck: all\n") && !openssl.contains("CRLFile"), "{openssl}");
    says(
        "openldap --server-version 2.6.10 --tls-library openssl --style slapd.conf --client-ca /cas/ --client-cert request --log",
        "TLSCACertificatePath /cas/\nTLSCertificateFile /etc/ssl/chain.pem\nTLSCertificateKeyFile /etc/ssl/key.pem\n\
         TLSVerifyClient try\nTLSProtocolMin 3.3\nTLSCipherSuite SUITES:CIPHERS\nLogLevel stats\n",
    );
}

#[test]
fn apache_is_told_in_virtual_hosts_with_the_chain_where_its_version_looks_for_it() {
    says(
        "apache --server-version 2.4.6",
        "<VirtualHost *:443>\n  SSLEngine on\n  SSLCertificateFile /etc/ssl/chain.pem\n  \
         SSLCertificateChainFile /etc/ssl/chain.pem\n  SSLCertificateKeyFile /etc/ssl/key.pem\n  SSLProtocol -all +TLSv1.2\n  \
         SSLCipherSuite CIPHERS\n  SSLHonorCipherOrder off\n</VirtualHost>\n",
    );
    let common = "  SSLProtocol -all +TLSv1.2 +TLSv1.3\n  SSLCipherSuite CIPHERS\n  SSLCipherSuite TLSv1.3 SUITES\n  \
                  SSLHonorCipherOrder off\n";
    let hsts = "  Header always set Strict-Transport-Security \"max-age=63072000; includeSubDomains\"\n";
    says(
        "apache --server-version 2.4.62 --name www.example.org --name example.org --hsts --redirect www.example.org \
         --alt-cert /e.pem --alt-key /e.key --for name=b.example.org:/b.pem:/b.key",
        &format!(
            "<VirtualHost *:443>\n  ServerName www.example.org\n  ServerAlias example.org\n  SSLEngine on\n  \
             SSLCertificateFile /etc/ssl/chain.pem\n  SSLCertificateKeyFile /etc/ssl/key.pem\n  SSLCertificateFile /e.pem\n  \
             SSLCertificateKeyFile /e.key\n{common}{hsts}</VirtualHost>\n<VirtualHost *:80>\n  ServerName www.example.org\n  \
             Redirect permanent / https://www.example.org/\n</VirtualHost>\n<VirtualHost *:443>\n  \
             ServerName b.example.org\n  SSLEngine on\n  SSLCertificateFile /b.pem\n  SSLCertificateKeyFile /b.key\n\
             {common}{hsts}</VirtualHost>\n"
        ),
    );
    says(
        "apache --server-version 2.4.62 --client-ca /ca.pem --crl /crls.pem --client-cert require --username-from-cert \
         commonName --dh /etc/ssl/chain.pem --server-order --session-timeout 5m --log --profile intermediate",
        "<VirtualHost *:443>\n  SSLEngine on\n  SSLCertificateFile /etc/ssl/chain.pem\n  \
         SSLCertificateKeyFile /etc/ssl/key.pem\n  SSLCACertificateFile /ca.pem\n  SSLCARevocationFile /crls.pem\n  \
         SSLCARevocationCheck chain\n  SSLVerifyClient require\n  SSLVerifyDepth 5\n  SSLUserName SSL_CLIENT_S_DN_CN\n  \
         SSLProtocol -all +TLSv1.2 +TLSv1.3\n  SSLCipherSuite CIPHERS:DHE\n  SSLCipherSuite TLSv1.3 SUITES\n  \
         SSLHonorCipherOrder on\n  SSLOpenSSLConfCmd DHParameters \"/etc/ssl/chain.pem\"\n  SSLSessionCacheTimeout 300\n  \
         LogLevel warn ssl:info\n</VirtualHost>\n",
    );
}

#[test]
fn nginx_is_told_in_server_blocks_in_the_words_of_its_version() {
    let pair = "  listen 443 ssl;\n  listen [::]:443 ssl;\n  ssl_certificate /etc/ssl/chain.pem;\n  \
                ssl_certificate_key /etc/ssl/key.pem;\n";
    says(
        "nginx --server-version 1.10.3",
        &format!(
            "server {{\n{pair}  ssl_protocols TLSv1.2;\n  ssl_ciphers CIPHERS;\n  ssl_prefer_server_ciphers off;\n}}\n"
        ),
    );
    let common = "  ssl_protocols TLSv1.2 TLSv1.3;\n  ssl_ciphers CIPHERS;\n  ssl_conf_command Ciphersuites SUITES;\n  \
                  ssl_prefer_server_ciphers off;\n";
    let hsts = "  add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains\" always;\n";
    says(
        "nginx --server-version 1.26.3 --name www.example.org --name example.org --hsts --redirect www.example.org \
         --alt-cert /e.pem --alt-key /e.key --for name=b.example.org:/b.pem:/b.key",
        &format!(
            "server {{\n  listen 443 ssl;\n  listen [::]:443 ssl;\n  server_name www.example.org example.org;\n  \
             ssl_certificate /etc/ssl/chain.pem;\n  ssl_certificate_key /etc/ssl/key.pem;\n  ssl_certificate /e.pem;\n  \
             ssl_certificate_key /e.key;\n{common}{hsts}}}\nserver {{\n  listen 80;\n  listen [::]:80;\n  \
             server_name www.example.org;\n  return 301 https://www.example.org$request_uri;\n}}\nserver {{\n  \
             listen 443 ssl;\n  listen [::]:443 ssl;\n  server_name b.example.org;\n  ssl_certificate /b.pem;\n  \
             ssl_certificate_key /b.key;\n{common}{hsts}}}\n"
        ),
    );
    says(
        "nginx --server-version 1.18.0 --client-ca /ca.pem --crl /crls.pem --client-cert require --key-password-file /pw \
         --dh /dh.pem --server-order --session-timeout 5m --log --outgoing --outgoing-ca /o.pem",
        &format!(
            "server {{\n{pair}  ssl_password_file /pw;\n  ssl_client_certificate /ca.pem;\n  ssl_crl /crls.pem;\n  \
             ssl_verify_client on;\n  ssl_verify_depth 5;\n  ssl_protocols TLSv1.2 TLSv1.3;\n  \
             ssl_ciphers CIPHERS:DHE;\n  ssl_prefer_server_ciphers on;\n  ssl_dhparam /dh.pem;\n  \
             ssl_session_timeout 300s;\n  error_log \"/var/log/nginx/error.log\" info;\n  proxy_ssl_verify on;\n  \
             proxy_ssl_server_name on;\n  proxy_ssl_protocols TLSv1.2 TLSv1.3;\n  \
             proxy_ssl_trusted_certificate /o.pem;\n}}\n"
        ),
    );
    says(
        "nginx --server-version 1.22.1 --profile modern",
        &format!(
            "server {{\n{pair}  ssl_protocols TLSv1.3;\n  ssl_conf_command Ciphersuites SUITES;\n  \
             ssl_prefer_server_ciphers off;\n}}\n"
        ),
    );
}

/// The cache stands at server level. A certificate that names no responder has nothing to staple.
#[test]
fn responses_are_stapled_only_where_the_certificate_names_a_responder() {
    let t = Test::new();
    let root = Authority::root("root");
    let named = root.leaf_with(&["a.example"], |params| params.custom_extensions.push(ocsp_at("http://ocsp.example")));
    t.file("named.pem", named.pem());
    t.file("plain.pem", root.leaf(&["a.example"]).pem());
    t.file("empty.pem", "");
    let emit = |file: &str| {
        let (path, words) =
            (t.path(file), ["emit", "apache", "--server-version", "2.4.62", "--stapling", "--key", "/k"]);
        t.run(words.into_iter().map(Into::into).chain([std::path::PathBuf::from("--cert"), path]))
    };
    let text = emit("named.pem").exits(0).stdout;
    assert!(text.contains("\nSSLStaplingCache shmcb:ssl_stapling(32768)\n<VirtualHost *:443>\n"), "{text}");
    assert!(text.contains("\n  SSLUseStapling on\n  SSLStaplingFakeTryLater off\n"), "{text}");
    emit("plain.pem").exits(4).err_has("error[ocsp-responder-missing]");
    emit("empty.pem").exits(3);
    emit("missing.pem").exits(3);
}

#[test]
fn courier_is_told_in_two_files_in_the_words_of_its_library() {
    let both = |imap: &str, pop3: &str, rest: &str| format!("{imap}{rest}\n{pop3}{rest}");
    says(
        "courier --server-version 5.0.13 --tls-library gnutls --listen starttls",
        &both(
            "IMAPDSSLSTART=\"NO\"\nIMAPDSTARTTLS=\"YES\"\nIMAP_TLS_REQUIRED=\"1\"\n",
            "POP3DSSLSTART=\"NO\"\nPOP3_STARTTLS=\"YES\"\nPOP3_TLS_REQUIRED=\"1\"\n",
            "TLS_CERTFILE=\"/etc/ssl/chain.pem\"\nTLS_PRIVATE_KEYFILE=\"/etc/ssl/key.pem\"\nTLS_PRIORITY=\"PRIORITY\"\n",
        ),
    );
    says(
        "courier --server-version 5.2 --tls-library openssl --server-order --offer-tls --client-ca /cas/ --client-cert \
         require --username-from-cert emailAddress",
        &both(
            "IMAP_TLS_REQUIRED=\"0\"\n",
            "POP3_TLS_REQUIRED=\"0\"\n",
            "TLS_CERTFILE=\"/etc/ssl/chain.pem\"\nTLS_PRIVATE_KEYFILE=\"/etc/ssl/key.pem\"\nTLS_TRUSTCERTS=\"/cas/\"\n\
             TLS_VERIFYPEER=\"REQUIREPEER\"\nTLS_EXTERNAL=\"emailaddress\"\nTLS_PROTOCOL=\"TLSv1.2++\"\n\
             TLS_STARTTLS_PROTOCOL=\"TLSv1.2++\"\nTLS_CIPHER_LIST=\"CIPHERS\"\n",
        ),
    );
    let t = Test::new();
    let old = "courier --server-version 4.17 --tls-library openssl";
    emit(&t, old).exits(4).err_has("pkit bundle keycert");
    let one = ["--cert", "/both.pem", "--key", "/both.pem"];
    let ran = t.run(["emit"].into_iter().chain(old.split(' ')).chain(one)).exits(0).err_has("pkit bundle keycert");
    let rest = "TLS_CERTFILE=\"/both.pem\"\nTLS_PROTOCOL=\"TLSv1.2+\"\nTLS_STARTTLS_PROTOCOL=\"TLSv1.2+\"\nTLS_CIPHER_LIST=\"CIPHERS\"\n";
    assert_eq!(directives(&ran), both("IMAP_TLS_REQUIRED=\"1\"\n", "POP3_TLS_REQUIRED=\"1\"\n", rest));
}

#[test]
fn exim_is_told_in_the_words_of_its_library() {
    says(
        "exim --server-version 4.96 --tls-library gnutls --listen starttls,implicit",
        "tls_advertise_hosts = *\ndaemon_smtp_ports = 25 : 587 : 465\ntls_on_connect_ports = 465\n\
         tls_certificate = /etc/ssl/chain.pem\ntls_privatekey = /etc/ssl/key.pem\ntls_require_ciphers = PRIORITY\n\
         auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}\n",
    );
    says(
        "exim --server-version 4.96 --tls-library openssl --server-order --dh /dh.pem --client-ca /ca.pem --crl /crls.pem \
         --client-cert require --alt-cert /c2.pem --alt-key /k2.pem",
        "tls_advertise_hosts = *\ntls_certificate = /etc/ssl/chain.pem : /c2.pem\n\
         tls_privatekey = /etc/ssl/key.pem : /k2.pem\ntls_dhparam = /dh.pem\ntls_dh_max_bits = 8192\n\
         tls_verify_certificates = /ca.pem\ntls_verify_hosts = *\ntls_crl = /crls.pem\n\
         openssl_options = +no_sslv2 +no_sslv3 +no_tlsv1 +no_tlsv1_1 +cipher_server_preference\n\
         tls_require_ciphers = CIPHERS:DHE\nauth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}\n",
    );
    let ran = emit(&Test::new(), "exim --server-version 4.89 --tls-library gnutls --profile modern").exits(0);
    assert!(
        ran.stdout.contains("/etc/exim4/exim4.conf.localmacros") && ran.stderr.contains("no Exim 4.89 was there"),
        "{ran:?}"
    );
}

/// Whether a DH file is needed at all is told for each server and version.
#[test]
fn it_is_told_whether_a_dh_file_is_needed() {
    let t = Test::new();
    for (words, told) in [
        ("dovecot --server-version 2.2.36", "makes its own parameters"),
        ("dovecot --server-version 2.3.1", "wants ssl_dh in any case"),
        ("dovecot --server-version 2.4.1", "no DH file is needed"),
        ("postfix --server-version 2.11", "1024 bits before 3.1"),
        ("postfix --server-version 3.10", "no DH file is needed"),
        ("openldap --server-version 2.6 --tls-library openssl", "no DH file is needed"),
        ("apache --server-version 2.4.62", "no DH file is needed"),
        ("courier --server-version 5.0.13 --tls-library gnutls", "no DH file is needed"),
        ("exim --server-version 4.96 --tls-library openssl", "no DH file is needed"),
        ("nginx --server-version 1.10.3", "1024 bits before 1.11"),
        ("nginx --server-version 1.22.1", "without a file nginx offers none"),
        (
            "apache --server-version 2.4.62 --dh /etc/ssl/chain.pem",
            "the three DHE suites of Mozilla's intermediate profile 5.7",
        ),
    ] {
        emit(&t, words).exits(0).err_has(told);
    }
    // A file of its own would be ignored.
    emit(&t, "apache --server-version 2.4.62 --dh /dh.pem")
        .exits(4)
        .err_has("bundle keycert")
        .err_has("--order cert-first");
}

#[test]
fn the_head_names_server_version_and_next_step_and_the_bytes_never_change() {
    let t = Test::new();
    let first = emit(&t, "postfix --server-version 3.7").exits(0);
    assert!(first.stdout.starts_with("# Postfix 3.7: TLS 1.2 or newer, after Mozilla's intermediate profile 6.0\n"));
    assert!(first.stdout.contains("# check with `postconf -n`") && first.stdout.contains("postfix reload"));
    assert_eq!(first.bytes, emit(&t, "postfix --server-version 3.7 -q").exits(0).bytes);
    let old = emit(&t, "dovecot --server-version 2.3.19 --profile old").exits(0);
    assert!(
        old.stdout.contains("old profile 5.8") && old.stderr.contains("no `old` profile since 6.0"),
        "{}",
        old.stderr
    );
}

#[test]
fn programs_get_the_text_as_a_value_and_nothing_else() {
    let t = Test::new();
    let json = emit(&t, "openldap --server-version 2.6.10 --tls-library openssl --json").exits(0).json();
    let text = emit(&t, "openldap --server-version 2.6.10 --tls-library openssl").stdout;
    assert_eq!(json["result"]["files"][0]["content"], text);
    assert_eq!((&json["result"]["server"], &json["result"]["server_version"]), (&"openldap".into(), &"2.6.10".into()));
    assert!(json["result"]["files"][0]["path"].is_null(), "LDIF belongs into no file");
    assert!(json["result"]["notes"].as_array().unwrap().iter().any(|n| n.as_str().unwrap().contains("own user")));
    let json = emit(&t, "dovecot --server-version 2.4 --json").exits(0).json();
    assert_eq!(json["result"]["files"][0]["path"], "/etc/dovecot/conf.d/10-ssl.conf");
}

#[test]
fn what_cannot_be_said_is_refused_and_nothing_weaker_is_printed() {
    let t = Test::new();
    for words in [
        "dovecot --server-version 2.3.14 --min-protocol 1.3",
        "dovecot --server-version 2.2.36 --profile modern",
        "dovecot --server-version 2.2.36 --dh /dh.pem",
        "dovecot --server-version 0.99",
        "dovecot --server-version 1.2 --min-protocol 1.2",
        "dovecot --server-version 1.1 --require-tls",
        "dovecot --server-version 2.2.26 --for name=*.example.com:/c:/k",
        "dovecot --server-version 1.2 --for 192.0.2.10:/c:/k",
        "dovecot --server-version 2.3.19 --client-ca /ca.pem --crl /crl.pem --client-cert require",
        "dovecot --server-version 2.2.30 --alt-cert /c --alt-key /k",
        "dovecot --server-version 2.4 --hsts",
        "postfix --server-version 3.7 --client-ca /ca.pem --client-cert require",
        "postfix --server-version 3.7 --client-ca /ca.pem --crl /crl.pem",
        "postfix --server-version 3.7 --key-password-file /pw",
        "postfix --server-version 3.7 --for imap:/c:/k",
        "postfix --server-version 3.3 --for name=a.b:/c:/k",
        "postfix --server-version 2.2",
        "postfix --server-version 2.9 --min-protocol 1.2",
        "postfix --server-version 3.7 --username-from-cert UID --client-ca /ca.pem --client-cert request",
        "openldap --server-version 2.6 --tls-library openssl --listen implicit",
        "openldap --server-version 2.6 --tls-library openssl --client-ca /ca.pem --crl /crls.pem",
        "openldap --server-version 2.5 --tls-library gnutls --client-ca /ca.pem --crl /ca.pem",
        "openldap --server-version 2.4.57 --tls-library gnutls --client-ca /cas/",
        "openldap --server-version 2.6 --tls-library openssl --alt-cert /e --alt-key /k",
        "apache --server-version 2.2",
        "apache --server-version 2.4.30 --min-protocol 1.3",
        "apache --server-version 2.4.7 --alt-cert /e --alt-key /k",
        "apache --server-version 2.4.62 --key-password-file /pw",
        "apache --server-version 2.4.62 --for imap:/c:/k",
        "courier --server-version 5.0.13 --tls-library openssl --min-protocol 1.3",
        "courier --server-version 5.0.13 --tls-library gnutls --for name=a.b:/c:/k",
        "courier --server-version 5.0.13 --tls-library gnutls --client-ca /ca.pem --crl /ca.pem",
        "exim --server-version 4.96 --tls-library gnutls --require-tls",
        "exim --server-version 4.96 --tls-library gnutls --outgoing --outgoing-ca /ca.pem",
        "exim --server-version 4.96 --tls-library gnutls --for name=a.b:/c:/k",
        "exim --server-version 4.96 --tls-library gnutls --client-ca /ca.pem --crl /ca.pem",
        "exim --server-version 4.96 --tls-library gnutls --client-ca /$x.pem",
        "exim --server-version 4.96 --tls-library openssl --ciphers ${run{/bin/sh}}",
        "exim --server-version 4.96 --tls-library gnutls --alt-cert /a:b --alt-key /k",
        "exim --server-version 4.90 --tls-library gnutls --alt-cert /c --alt-key /k",
        "exim --server-version 4.96 --tls-library gnutls --key-password-file /pw",
        "nginx --server-version 1.6.2",
        "nginx --server-version 1.12.2 --min-protocol 1.3",
        "nginx --server-version 1.10.3 --profile modern",
        "nginx --server-version 1.8.1 --alt-cert /e --alt-key /k",
        "nginx --server-version 1.22.1 --client-ca /cas/",
        "nginx --server-version 1.22.1 --client-ca /ca.pem --crl /ca.pem --client-cert require",
        "nginx --server-version 1.22.1 --client-ca /ca.pem --client-cert require --username-from-cert UID",
        "nginx --server-version 1.22.1 --for imap:/c:/k",
        "nginx --server-version 1.22.1 --for 192.0.2.1:/c:/k",
        "nginx --server-version 1.22.1 --offer-tls",
        "openldap --server-version 2.6 --tls-library openssl --require-tls",
        "openldap --server-version 2.5 --tls-library gnutls --profile old",
    ] {
        let ran = emit(&t, words).exits(4).err_has("error[setting-unsayable]").err_has("hint:");
        assert_eq!(ran.stdout, "", "{words}");
    }
}

#[test]
fn words_that_do_not_go_together_are_a_usage_error_and_an_unknown_build_is_an_input_error() {
    let t = Test::new();
    emit(&t, "dovecot --server-version 2.3 --dh dh.pem").exits(2).err_has("not an absolute path").err_has("hint:");
    emit(&t, "dovecot --server-version 2.3 --client-cert require").exits(2).err_has("--client-ca");
    emit(&t, "dovecot --server-version 2.3-1").exits(2).err_has("2.3.19");
    emit(&t, "dovecot --server-version 2.3 --tls-library gnutls").exits(2);
    emit(&t, "postfix --server-version 3.7 --profile modern --min-protocol 1.2").exits(2);
    emit(&t, "dovecot --server-version 2.3 --profile modern --dh /dh.pem").exits(2).err_has("TLS 1.3 uses no DH file");
    emit(&t, "dovecot --server-version 2.3 --style ldif").exits(2).err_has("no style").err_has("it has: conf");
    emit(&t, "dovecot --server-version 2.3 --for imap:/c").exits(2).err_has("PART:CERT:KEY");
    emit(&t, "dovecot --server-version 2.3 --for name=a_b!:/c:/k").exits(2);
    emit(&t, "dovecot --server-version 2.3 --for IMAP{:/c:/k").exits(2);
    emit(&t, "dovecot --server-version 2.3 --for imap:c:/k").exits(2).err_has("not an absolute path");
    emit(&t, "dovecot --server-version 2.3 --client-ca /c --client-cert request --except smtp").exits(2);
    emit(&t, "dovecot --server-version 2.3 --require-tls --offer-tls").exits(2);
    emit(&t, "sendmail").exits(2).err_has("dovecot");
    emit(&t, "openldap --server-version 2.6").exits(3).err_has("error[tls-library-unknown]").err_has("--tls-library");
}

/// What is installed is asked, and its words are taken by its own reader, with everything that can be said at once.
#[test]
fn the_installed_dovecot_takes_the_directives() {
    if !have("doveconf") {
        return;
    }
    let t = Test::new();
    let words = "dovecot --client-ca /ca.pem --crl /ca.pem --client-cert require --dh /dh.pem \
                 --alt-cert /a --alt-key /b --key-password-file /pw --username-from-cert emailAddress --log --listen \
                 implicit --outgoing --outgoing-ca /o/ --for imap:/c:/k --for 192.0.2.1:/c:/k --for name=a.b:/c:/k --except smtp";
    let ran = emit(&t, words).exits(0);
    t.file("d.conf", doveconf_head(&t) + &ran.stdout);
    let read = t.peer("doveconf", ["-n", "-c", "d.conf"]).exits(0);
    assert!(!read.stderr.contains("Warning") && !read.stderr.contains("Obsolete"), "{}", read.stderr);
    let read = t.peer("doveconf", ["-a", "-P", "-c", "d.conf"]).exits(0);
    for directive in ran.stdout.lines().map(str::trim).filter(|l| !l.starts_with('#') && l.contains(" = ")) {
        assert!(lists(&read, directive), "{directive}\n{}", read.stdout);
    }
}

/// 2.4 lists `ssl_server_ca_file` as `ca_file` in a block.
fn lists(doveconf: &Ran, directive: &str) -> bool {
    doveconf.stdout.lines().map(str::trim_start).any(|line| line.contains(" = ") && directive.ends_with(line))
}

/// 2.4 wants to be told for which version file and mailboxes were made; older ones do not know that.
fn doveconf_head(t: &Test) -> String {
    let version = t.peer("dovecot", ["--version"]).stdout;
    if version.starts_with("2.4") {
        "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n".into()
    } else {
        String::new()
    }
}

/// As files and as commands, and with a table of names that is really made.
#[test]
fn the_installed_postfix_takes_the_directives() {
    if !have("postconf") {
        return;
    }
    let t = Test::new();
    let words = "postfix --client-ca /ca.pem --client-cert require --require-tls --dh /dh.pem --log --listen \
                 starttls,implicit --session-timeout 1h --no-received-header --outgoing --outgoing-ca /o.pem";
    let json = emit(&t, &format!("{words} --json")).exits(0).json();
    let file = |i: usize| json["result"]["files"][i]["content"].as_str().unwrap().to_owned();
    t.file("main.cf", format!("compatibility_level = 3.6\n{}", file(0)));
    t.file("master.cf", file(1));
    let read = t.peer("postconf", ["-n", "-c", "."]).exits(0);
    assert!(!read.stderr.contains("unused parameter"), "{}", read.stderr);
    for directive in file(0).lines().filter(|l| !l.starts_with('#')) {
        assert!(read.stdout.lines().any(|l| l == directive), "{directive}\n{}", read.stdout);
    }
    let services = t.peer("postconf", ["-P", "-c", "."]).exits(0).stdout;
    assert!(services.contains("submission/inet/smtpd_tls_security_level = encrypt\n"), "{services}");
    t.file("commands/main.cf", "compatibility_level = 3.6\n");
    t.file("commands/master.cf", "");
    let commands = emit(&t, &format!("{words} --style postconf")).exits(0).stdout;
    t.peer("env", ["MAIL_CONFIG=commands", "sh", "-euc", &commands]).exits(0);
    let edited = t.peer("postconf", ["-n", "-c", "commands"]).exits(0).stdout;
    assert_eq!(edited.replace("config_directory = commands", "config_directory = ."), read.stdout);
    assert_eq!(t.peer("postconf", ["-P", "-c", "commands"]).exits(0).stdout, services);
}

#[test]
fn the_installed_slapd_takes_the_change_where_attributes_have_values_and_where_not() {
    if !have("slapmodify") || !have("slapd") {
        return;
    }
    let t = Test::new();
    t.file("base.ldif", BASE_LDIF);
    t.file("cn/.keep", "");
    let tool = |name: &str, file: &str| {
        t.peer(&format!("/usr/sbin/{name}"), ["-n", "0", "-F", "cn", "-l", file]).exits(0);
    };
    tool("slapadd", "base.ldif");
    for (file, extra) in [("first.ldif", "--dh /dh.pem"), ("second.ldif", "--min-protocol 1.3")] {
        let words = format!("openldap --client-ca /ca.pem --client-cert require {extra}");
        t.file(file, emit(&t, &words).exits(0).bytes);
        tool("slapmodify", file);
    }
    let wanted = t.text("second.ldif");
    let stored = t.text("cn/cn=config.ldif").replace("\n ", "");
    for line in wanted.lines().filter(|l| l.starts_with("olc")) {
        assert!(stored.lines().any(|l| l == line), "{line}\n{stored}");
    }
}

const BASE_LDIF: &str = "dn: cn=config\nobjectClass: olcGlobal\ncn: config\n\n\
                         dn: olcDatabase={0}config,cn=config\nobjectClass: olcDatabaseConfig\nolcDatabase: {0}config\n";

/// `apache2 -t` looks whether files are there, and no further.
#[test]
fn the_installed_apache_takes_the_directives() {
    if !have("apache2") {
        return;
    }
    let t = Test::new();
    let modules = ["mpm_prefork", "authz_core", "ssl", "headers", "alias", "socache_shmcb", "proxy"];
    let load = |name: &str| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let base: String = modules.into_iter().map(load).collect();
    let file = t.file("files/it's a file.pem", "x");
    let path = file.to_str().unwrap();
    let flags = "--name a.example --name b.example --hsts --redirect a.example --client-cert require --username-from-cert UID \
                 --log --session-timeout 5m --outgoing --server-order";
    let files = ["--cert", "--key", "--alt-cert", "--alt-key", "--dh", "--client-ca", "--crl", "--outgoing-ca"];
    let words =
        ["emit", "apache"].into_iter().chain(flags.split_whitespace()).chain(files.into_iter().flat_map(|f| [f, path]));
    let text = t.run(words).exits(0).stdout;
    t.file("run/.keep", "");
    t.file("a.conf", format!("DefaultRuntimeDir {}\nErrorLog /dev/null\n{base}{text}", t.path("run").display()));
    t.peer("apache2", ["-t", "-d", ".", "-f", t.path("a.conf").to_str().unwrap()]).exits(0);
}

/// With everything that can be said at once. `nginx -t` opens every file.
#[test]
fn the_installed_nginx_takes_the_directives_and_opens_the_very_path() {
    if !have("nginx") {
        return;
    }
    let t = Test::new();
    let root = Authority::root("root");
    let leaf = root.leaf_with(&["a.example"], |params| params.custom_extensions.push(ocsp_at("http://127.0.0.1:9")));
    let dh = t.run(["dhparam", "new"]).exits(0).stdout;
    let crl = crl_pem(&root.crl(&Crl::default()));
    let check = |name: &str, flags: &str, files: &[&str]| {
        let file = |what: &str| format!("{name}/{what}.pem");
        for (what, content) in
            [("cert", leaf.pem() + &root.pem()), ("key", leaf.key_pem()), ("dh", dh.clone()), ("client-ca", root.pem())]
                .into_iter()
                .chain([("crl", crl.clone()), ("outgoing-ca", root.pem()), ("key-password-file", "x\n".to_owned())])
        {
            t.file(file(what), content);
        }
        let mut words: Vec<String> =
            ["emit", "nginx"].into_iter().chain(flags.split_whitespace()).map(Into::into).collect();
        for what in files {
            words.extend([format!("--{what}"), t.path(file(what)).to_str().unwrap().to_owned()]);
        }
        let ran = t.run(&words);
        if ran.exit == 4 {
            return ran;
        }
        let hosts =
            ran.stdout.replace("443", "18443").replace("listen 80", "listen 18080").replace("]:80;", "]:18080;");
        let hosts: String =
            hosts.lines().filter(|line| !line.contains("[::]")).map(|line| format!("{line}\n")).collect();
        let hosts = hosts.replace("/var/log/nginx/error.log", "/dev/null");
        let dir = t.path("").display().to_string();
        t.file("n.conf", format!("pid {dir}/pid;\nevents {{\n}}\nhttp {{\naccess_log off;\n{hosts}}}\n"));
        t.peer("nginx", ["-t", "-e", "stderr", "-c", t.path("n.conf").to_str().unwrap()]).exits(0)
    };
    let flags = "--name a.example --name b.example --hsts --redirect a.example --client-cert require --log --outgoing \
                 --session-timeout 5m --server-order --stapling";
    let all = ["cert", "key", "key-password-file", "dh", "client-ca", "crl", "outgoing-ca"];
    let ran = check("files", flags, &all);
    assert!(!ran.stderr.contains("[warn]"), "{}", ran.stderr);
    let hostile = HOSTILE.into_iter().filter(|path| check(&path.replace('/', "x"), "", &["cert", "key"]).exit == 4);
    assert_eq!(
        hostile.collect::<Vec<_>>(),
        ["/a\"b\"", "/a$b", "/a $b", "/a$$b", "/a\\", "/a\\nb", "/a\nssl = no", "/a\rb", "/a\u{85}b", "/a\u{202e}b"]
    );
}

#[test]
fn the_installed_slapd_takes_slapd_conf() {
    if !have("slaptest") {
        return;
    }
    let t = Test::new();
    let words = "openldap --style slapd.conf --client-ca /ca.pem --client-cert require --dh /dh.pem --log";
    t.file("slapd.conf", emit(&t, words).exits(0).bytes);
    let read = t.peer("/usr/sbin/slaptest", ["-u", "-f", "slapd.conf"]).exits(0);
    assert!(!read.stderr.contains("unknown directive"), "{}", read.stderr);
}

/// GnuTLS itself says which suites a priority string leaves.
#[test]
fn the_priority_string_leaves_the_six_ciphers_and_three_suites_of_the_profile() {
    if !have("gnutls-cli") {
        return;
    }
    let t = Test::new();
    let suites = |priority: &str| {
        let listed = t.peer("gnutls-cli", ["--list", "--priority", priority]).exits(0);
        let names = listed.stdout.lines().filter(|l| l.starts_with("TLS_"));
        names.filter_map(|l| l.split_whitespace().next().map(str::to_owned)).collect::<Vec<_>>()
    };
    let left = suites(PRIORITY);
    assert_eq!(left.len(), 9, "{left:?}");
    assert!(
        left[3..].iter().all(|s| s.starts_with("TLS_ECDHE_") && !s.contains("CBC") && !s.contains("CCM")),
        "{left:?}"
    );
    let modern = emit(&t, "openldap --server-version 2.5 --tls-library gnutls --profile modern").exits(0).stdout;
    let priority = modern.lines().find_map(|l| l.strip_prefix("olcTLSCipherSuite: ")).unwrap();
    assert_eq!(suites(priority), left[..3]);
}

/// Characters that mean something to one grammar or another.
const HOSTILE: [&str; 23] = [
    "/a b.pem",
    "/a#b",
    "/a #b",
    "/a\"b\"",
    "/'a'",
    "/a$b",
    "/a $b",
    "/a$$b",
    "/a%b",
    "/a%{env:x}",
    "/<a",
    "/a\\",
    "/a\\nb",
    "/a=b",
    "/a,b",
    "/a;b",
    "/{a}",
    "/ü",
    "/a ",
    "/a\nssl = no",
    "/a\rb",
    "/a\u{85}b",
    "/a\u{202e}b",
];

#[test]
fn dovecot_reads_the_very_path_or_it_is_refused() {
    if !have("doveconf") {
        return;
    }
    let t = Test::new();
    let refused = HOSTILE.into_iter().filter(|path| {
        let ran = t.run(["emit", "dovecot", "--cert", "/c", "--key", "/k", "--client-ca", path]);
        if ran.exit == 4 {
            assert_eq!(ran.stdout, "");
            return true;
        }
        let ran = ran.exits(0);
        let directive = ran.stdout.lines().find(|line| line.ends_with(path)).unwrap();
        t.file("d.conf", doveconf_head(&t) + &ran.stdout);
        let read = t.peer("doveconf", ["-n", "-c", "d.conf"]).exits(0);
        assert!(lists(&read, directive), "{directive}\n{}", read.stdout);
        false
    });
    assert_eq!(refused.count(), 16);
}

/// One name with all that main.cf can hold, because `postconf -x` looks up this host's name first, which takes its time.
#[test]
fn postfix_reads_the_very_path_or_it_is_refused() {
    if !have("postconf") {
        return;
    }
    let t = Test::new();
    let emit = |path: &str| t.run(["emit", "postfix", "--cert", "/c", "--key", "/k", "--client-ca", path]);
    let refused: Vec<&str> = HOSTILE.into_iter().filter(|path| emit(path).exit == 4).collect();
    assert_eq!(refused, ["/a ", "/a\nssl = no", "/a\rb", "/a\u{85}b", "/a\u{202e}b"]);
    let held = HOSTILE.into_iter().filter(|path| !refused.contains(path)).collect::<Vec<_>>().join(" ");
    t.file("main.cf", emit(&held).exits(0).bytes);
    let read = t.peer("postconf", ["-c", ".", "-x", "-h", "smtpd_tls_CAfile"]).exits(0);
    assert_eq!(read.stdout, format!("{held}\n"));
}
