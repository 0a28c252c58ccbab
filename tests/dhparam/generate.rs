//! `pkit dhparam new --generate`. That a signal ends it at once is `writer::signals`' to show.

use crate::common::terminal::Terminal;
use crate::common::{Test, have, scaled};

#[test]
fn what_is_searched_passes_openssl() {
    if !have("openssl") {
        return;
    }
    for round in 0..scaled(1) {
        let t = Test::new();
        let threads = ["1", "2", "7"][round % 3];
        t.run(["dhparam", "new", "--generate", "2048", "--threads", threads, "-o", "dh.pem"])
            .exits(0)
            .out_has("2048 bits");
        assert_eq!(t.mode("dh.pem"), 0o444);
        t.peer("openssl", ["dhparam", "-in", "dh.pem", "-check", "-noout"]).exits(0).err_has("appear to be ok");
        let json = t.run(["dhparam", "check", "dh.pem", "--json"]).exits(0).json();
        assert_eq!((&json["result"]["bits"], &json["result"]["known_group"]), (&2048.into(), &false.into()));
        assert_eq!(json["result"]["generator"]["order"], "q");
    }
}

#[test]
fn on_a_terminal_the_search_tells_how_far_it_is_and_ctrl_c_leaves_nothing() {
    if !have("script") {
        return;
    }
    let t = Test::new();
    let mut search = Terminal::start(&t, "mkdir dir; pkit dhparam new --generate 8192 -o dir/dh.pem");
    search.wait_for("searching a safe prime of 8192 bits: ");
    search.wait_for(" on average");
    search.types("\u{3}");
    search.ends().exits(130);
    assert_eq!(std::fs::read_dir(t.path("dir")).unwrap().count(), 0);
}

#[test]
fn sizes_and_words_that_make_no_sense_are_refused() {
    let t = Test::new();
    for (words, exit, part) in [
        (&["--generate", "1024"][..], 4, "error[dh-too-small]"),
        (&["--generate", "16384"], 2, "up to 8192 bits"),
        (&["--generate", "2048", "--group", "ffdhe2048"], 2, "cannot be used with"),
        (&["--threads", "2"], 2, "--generate"),
        (&["--generate", "2048", "--threads", "0"], 2, "--threads"),
    ] {
        t.run(["dhparam", "new", "-o", "dh.pem"].iter().chain(words)).exits(exit).err_has(part);
    }
    t.run(["dhparam", "new", "--generate", "8192", "-o", "dh.pem", "--dry-run"]).exits(0).out_has("would");
    assert!(!t.exists("dh.pem"));
}

/// 8192 bits take many minutes: a test that waits for them never ends.
#[test]
fn what_may_not_be_written_is_not_searched() {
    let t = Test::new();
    t.file("dh.pem", "something else");
    for (to, exit, part) in [("dh.pem", 4, "error[file-exists]"), ("nowhere/dh.pem", 5, "error[write-failed]")] {
        t.run(["dhparam", "new", "--generate", "8192", "-o", to]).exits(exit).err_has(part);
    }
    assert_eq!(t.text("dh.pem"), "something else");
}
