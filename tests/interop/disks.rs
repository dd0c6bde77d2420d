//! Local destinations that accept nothing, or not enough: each has its own error, and nothing unfinished becomes
//! visible.
//!
//! A full or read-only file system is a small tmpfs in a separate mount namespace, where this process may create one; a
//! limit on the size of files and a folder without permission are tested everywhere.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ocireg::error::Code;
use serde_json::{json, Value};

use super::copy::{check, command, copied, done, scratch};
use super::{noise, sha256, TestRegistry};

const LAYERS: u64 = 3;
const SIZE: usize = 1 << 20;

/// A layout with an image of 3 MiB, which everybody may read.
fn source(folder: &Path) -> String {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let call = client.call(None).unwrap();
    let put = |bytes: &[u8], kind: &str| {
        client.put_blob(&call, &place.repository("disks/source"), bytes, &Default::default()).unwrap();
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": sha256(bytes), "size": bytes.len()})
    };
    let config = put(br#"{"os":"linux","architecture":"amd64"}"#, "config.v1+json");
    let layers: Vec<Value> = (0..LAYERS).map(|seed| put(&noise(SIZE, 1 + seed * 2), "layer.v1.tar")).collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                          "config": config, "layers": layers})
    .to_string();
    let name = place.reference("disks/source:1");
    client.put_manifest(&call, &name, manifest.as_bytes(), &Default::default()).unwrap();
    let layout = format!("oci:{}:1", folder.join("source").display());
    done(&client, &format!("docker://{}/disks/source:1", place.host), &layout);
    let open = Command::new("chmod").args(["-R", "a+rX"]).arg(folder).status();
    assert!(open.unwrap().success());
    layout
}

/// The destinations in a folder, and the file that would make each visible.
fn destinations(folder: &str) -> [(String, PathBuf); 4] {
    let path = |name: &str| Path::new(folder).join(name);
    [
        (format!("oci:{folder}/layout:1"), path("layout/index.json")),
        (format!("dir:{folder}/dir"), path("dir/manifest.json")),
        (format!("oci-archive:{folder}/a.tar:1"), path("a.tar")),
        (format!("docker-archive:{folder}/d.tar:a/b:1"), path("d.tar")),
    ]
}

/// Whether an image can be seen there. A layout that was begun has an index of nothing.
fn is_visible(seen: &Path) -> bool {
    let is_empty =
        |bytes: Vec<u8>| seen.ends_with("index.json") && !String::from_utf8_lossy(&bytes).contains("sha256:");
    std::fs::read(seen).is_ok_and(|bytes| !is_empty(bytes))
}

/// The same in a script, of its fifth argument.
const NOTHING_VISIBLE: &str = r#"{ [ ! -e "$5" ] || { [ "${5##*/}" = index.json ] && ! grep -q sha256: "$5"; } || { echo "half done: $5" >&2; exit 98; }; }"#;

/// Runs a shell in a separate mount namespace; None where this process may not.
fn in_namespace(script: &str, arguments: &[&str]) -> Option<Output> {
    let probe = "mount -t tmpfs none /mnt";
    let allowed = |flags: &[&str]| {
        Command::new("unshare")
            .args(flags)
            .args(["sh", "-c", probe])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    let flags = ways.into_iter().find(|flags| allowed(flags))?;
    let mut shell = Command::new("unshare");
    Some(shell.args(flags).args(["sh", "-c", script, "sh"]).args(arguments).output().unwrap())
}

/// The error of a copy that must have failed because of its destination.
#[track_caller]
fn expect_io(output: &Output, to: &str, part: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(Code::Io as i32), "{to}: {said}");
    let error: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap_or_else(|_| panic!("{to}: {said}"));
    assert_eq!((&error["name"], &error["side"]), (&"IO".into(), &"destination".into()), "{to}: {said}");
    assert!(error["message"].as_str().unwrap().contains(part), "{to}: {said}");
}

#[test]
fn a_full_disk() {
    let folder = scratch();
    let from = source(folder.path());
    let ocireg = command().display().to_string();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    for (to, seen) in destinations(&small.display().to_string()) {
        // What is visible there is printed at the end, because the mount disappears with the shell.
        let script = format!(
            r#"mount -t tmpfs -o size=2m none "$1" || exit 99
            "$2" --json-errors copy "$3" "$4"; status=$?
            {NOTHING_VISIBLE}
            exit $status"#
        );
        let arguments = [&small.display().to_string(), &ocireg, &from, &to, &seen.display().to_string()];
        match in_namespace(&script, &arguments.map(String::as_str)) {
            Some(output) => expect_io(&output, &to, "No space left on device"),
            // Then the limit of the next case has to do.
            None => return,
        }
    }
}

/// A disk that accepts bytes but cannot store them reports it when they are flushed.
#[test]
fn a_disk_that_loses_what_it_took() {
    let folder = scratch();
    let from = source(folder.path());
    let path = |name: &str| folder.path().join(name);
    let code = format!(
        "#include <errno.h>\n#include <sys/stat.h>\nint fsync(int file) {{ struct stat facts;\n\
         if (fstat(file, &facts) != 0 || facts.st_size != {SIZE}) return 0;\n errno = EIO; return -1; }}\n"
    );
    std::fs::write(path("loses.c"), code).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([path("loses.so"), path("loses.c")]).status();
    assert!(built.unwrap().success());
    for (to, seen) in destinations(&folder.path().display().to_string()) {
        if to.starts_with("docker-archive") {
            continue; // it is one file, of another size
        }
        let copy = ["--json-errors", "copy", &from, &to];
        let output = Command::new(command()).args(copy).env("LD_PRELOAD", path("loses.so")).output().unwrap();
        expect_io(&output, &to, "Input/output error");
        assert!(!is_visible(&seen), "{}", seen.display());
        done(&TestRegistry::new("OCIREG_TEST_V3").client(), &from, &to);
    }
    assert!(check(&TestRegistry::new("OCIREG_TEST_V3").client(), &path("layout")).ok);
}

#[test]
fn a_file_larger_than_is_allowed() {
    let folder = scratch();
    let from = source(folder.path());
    let ocireg = command().display().to_string();
    for (to, seen) in destinations(&folder.path().display().to_string()) {
        let script = r#"ulimit -f 1000; trap '' XFSZ; exec "$1" --json-errors copy "$2" "$3""#;
        let output = Command::new("bash").args(["-c", script, "bash", &ocireg, &from, &to]).output().unwrap();
        expect_io(&output, &to, "File too large");
        assert!(!is_visible(&seen), "{}", seen.display());
        // Without the limit the same copy completes.
        let client = TestRegistry::new("OCIREG_TEST_V3").client();
        done(&client, &from, &to);
        assert!(seen.exists());
    }
}

/// A folder without write permission; root drops the capability that would let it write anywhere.
#[test]
fn a_folder_without_permission() {
    let folder = scratch();
    let from = source(folder.path());
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    for (to, seen) in destinations(&closed.display().to_string()) {
        let mut copier = match nix::unistd::geteuid().is_root() {
            true => {
                let mut copier = Command::new("setpriv");
                copier.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(command());
                copier
            }
            false => Command::new(command()),
        };
        let output = copier.args(["--json-errors", "copy", &from, &to]).output().unwrap();
        expect_io(&output, &to, "Permission denied");
        assert!(!is_visible(&seen), "{}", seen.display());
    }
    assert_eq!(std::fs::read_dir(&closed).unwrap().count(), 0);
}

#[test]
fn a_disk_that_is_read_only() {
    let folder = scratch();
    let from = source(folder.path());
    let ocireg = command().display().to_string();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let at = disk.display().to_string();
    for (to, seen) in destinations(&at) {
        let script = format!(
            r#"mount -t tmpfs none "$1" && mount -o remount,ro "$1" || exit 99
            "$2" --json-errors copy "$3" "$4"; status=$?
            {NOTHING_VISIBLE}
            exit $status"#
        );
        let arguments = [&at, &ocireg, &from, &to, &seen.display().to_string()];
        // Where no disk can be mounted, the previous case has to do.
        let Some(output) = in_namespace(&script, &arguments.map(String::as_str)) else { return };
        expect_io(&output, &to, "Read-only file system");
    }
    // What is complete can be copied again, and read.
    let script = r#"mount -t tmpfs none "$1" && "$2" copy "$3" "oci:$1/l:1" >"$4/1" && mount -o remount,ro "$1" &&
        "$2" copy "$3" "oci:$1/l:1" >"$4/2" && "$2" copy "oci:$1/l:1" "oci:$4/back:1" >"$4/3""#;
    let output = in_namespace(script, &[&at, &ocireg, &from, &folder.path().display().to_string()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let again: Value = serde_json::from_slice(&std::fs::read(folder.path().join("2")).unwrap()).unwrap();
    assert_eq!(again["blobs"]["bytes_copied"], 0);
    assert!(check(&TestRegistry::new("OCIREG_TEST_V3").client(), &folder.path().join("back")).ok);
}

/// Manifests of a layout that are not what index.json says.
#[test]
fn manifests_that_are_wrong_or_missing() {
    let folder = scratch();
    let from = source(folder.path());
    let client = TestRegistry::new("OCIREG_TEST_V3").client();
    let target = format!("oci:{}:1", folder.path().join("target").display());
    let layout = folder.path().join("source");
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    let manifest = layout.join("blobs").join(digest.replace(':', "/"));
    let good = std::fs::read(&manifest).unwrap();
    // Whatever they are: bytes of another digest are not parsed.
    for bytes in [&[&good[..], b" "].concat(), &b"{}"[..], &good[..50]] {
        std::fs::write(&manifest, bytes).unwrap();
        let error = copied(&client, &from, &target, Default::default()).unwrap_err();
        assert_eq!((error.code(), &error.to_json()["side"]), (Code::DigestMismatch, &"source".into()), "{error}");
        assert!(error.message().contains(digest), "{error}");
    }
    std::fs::remove_file(&manifest).unwrap();
    let error = copied(&client, &from, &target, Default::default()).unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    assert!(error.message().contains(digest), "{error}");
    assert!(!is_visible(&folder.path().join("target/index.json")), "nothing half done");
}

/// Incomplete archives: each error says what is missing.
#[test]
fn archives_that_are_not_whole() {
    let folder = scratch();
    let from = source(folder.path());
    let client = TestRegistry::new("OCIREG_TEST_V3").client();
    let path = |name: &str| folder.path().join(name);
    let target = format!("oci:{}:1", path("target").display());
    let layer = sha256(&noise(SIZE, 1));
    for (kind, name) in [("oci-archive", ":1"), ("docker-archive", ":a/b:1")] {
        let archive = format!("{kind}:{}{name}", path("whole.tar").display());
        done(&client, &from, &archive);
        let whole = std::fs::read(path("whole.tar")).unwrap();
        for cut in [whole.len() / 2, whole.len() - SIZE / 2, 520] {
            std::fs::write(path("cut.tar"), &whole[..cut]).unwrap();
            let source = format!("{kind}:{}{name}", path("cut.tar").display());
            let error = copied(&client, &source, &target, Default::default()).unwrap_err();
            assert_eq!((error.code(), &error.to_json()["side"]), (Code::Io, &"source".into()), "{error}");
            assert!(error.message().contains("cut short"), "{error}");
        }
        let lost = format!("blobs/sha256/{}", layer.hex());
        let without = Command::new("tar").arg("--delete").arg("-f").arg(path("whole.tar")).arg(&lost).status();
        assert!(without.unwrap().success());
        let error = copied(&client, &archive, &target, Default::default()).unwrap_err();
        assert_eq!((error.code(), &error.to_json()["side"]), (Code::MissingBlob, &"source".into()), "{error}");
        assert!(error.message().contains(layer.hex()), "{error}");
        assert!(!is_visible(&path("target/index.json")), "nothing half done");
        std::fs::remove_file(path("whole.tar")).unwrap();
    }
}

/// A folder that something is mounted in: files that waited on the one disk get their names on the other.
#[test]
fn an_artifact_that_belongs_on_two_disks() {
    let folder = scratch();
    let (out, layout) = (folder.path().join("out"), folder.path().join("layout").display().to_string());
    std::fs::create_dir_all(out.join("mounted")).unwrap();
    let made = crate::artifacts::files();
    let ocireg = command().display().to_string();
    let push = ["artifact", "push", &format!("oci:{layout}:v1"), "--artifact-type", "a/b", "folder", "a.txt"];
    assert!(Command::new(&ocireg).args(push).current_dir(made.path()).output().unwrap().status.success());
    let script = r#"mount -t tmpfs none "$1/mounted" || exit 99
        cd "$3" && mkdir mounted && cp -r folder mounted && "$2" artifact push "oci:$4:v2" --artifact-type a/b mounted >&2 &&
        cp a.txt mounted && "$2" artifact push "oci:$4:v3" --artifact-type a/b mounted/a.txt >&2 || exit
        for version in v1 v2 v3; do "$2" artifact pull "oci:$4:$version" -o "$1" >&2 || exit; done
        "$2" artifact pull "oci:$4:v2" -o "$1" --keep-old >&2 || exit
        chmod 600 "$1/mounted/a.txt" && "$2" artifact pull "oci:$4:v3" -o "$1" >&2 || exit
        stat -c %a "$1/mounted/a.txt" && find "$1" -mindepth 1 | sed "s,$1/,," | sort && diff -r "$3/mounted" "$1/mounted""#;
    let arguments = [&out.display().to_string(), &ocireg, &made.path().display().to_string(), &layout];
    let Some(output) = in_namespace(script, &arguments.map(String::as_str)) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let names = "600\na.txt\nfolder\nfolder/deep\nfolder/deep/er\nfolder/deep/er/x\nfolder/in\nfolder/link\nmounted\nmounted/a.txt\n\
                 mounted/folder\nmounted/folder/deep\nmounted/folder/deep/er\nmounted/folder/deep/er/x\nmounted/folder/in\nmounted/folder/link\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), names);
}

/// What is on the other disk is for the same users as on one disk, down to the folders; and what a killed pull left there is used.
#[test]
fn another_disk_opens_nothing_to_others() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["out/mounted", "plain", "made"] {
        std::fs::create_dir_all(path(name)).unwrap();
    }
    let ocireg = command().display().to_string();
    let script = r#"mount -t tmpfs none "$1/mounted" || exit 99
        cd "$3" && mkdir -p mounted/t/private/deep mounted/t/closed && echo secret >mounted/t/private/deep/key && echo x >mounted/t/closed/x &&
        ln -s closed/x mounted/t/link && echo y >mounted/t/unread && echo new >mounted/team && cp mounted/team mounted/twin &&
        chmod 755 mounted/t && chmod 200 mounted/t/unread && chmod 750 mounted/t/private/deep && chmod 700 mounted/t/private &&
        chmod 555 mounted/t/closed && "$2" artifact push "oci:$4:v1" --artifact-type a/b mounted/t mounted/team mounted/twin >&2 &&
        "$2" artifact push "oci:$4:v2" --artifact-type a/b mounted >&2 || exit
        mkdir -m 700 "$1/mounted/.ocireg-pull-disk-0" && mkdir -p -m 555 "$1/mounted/.ocireg-pull-disk-0/1/t" || exit
        echo old >"$1/mounted/team" && { chgrp 4321 "$1/mounted/team" 2>/dev/null || :; } && chmod 660 "$1/mounted/team" || exit
        stat -c "%a %g" "$1/mounted/team"
        for into in "$1" "$5"; do "$2" artifact pull "oci:$4:v1" -o "$into" >&2 || exit; done
        stat -c "%a %g" "$1/mounted/team"
        cd "$5" && find mounted/t -printf "%p %m %l %T@\n" | sort >"$3/plain"
        cd "$1" && find mounted/t -printf "%p %m %l %T@\n" | sort >"$3/disk"
        diff "$3/plain" "$3/disk" >&2 || exit
        for version in v1 v2; do "$2" artifact pull "oci:$4:$version" -o "$1" >&2 || exit; done
        find mounted -mindepth 1 -printf "%p %m %l\n" | sort"#;
    let arguments = [path("out"), ocireg, path("made"), path("layout"), path("plain")];
    let Some(output) = in_namespace(script, &arguments.each_ref().map(String::as_str)) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    assert!(lines[0].starts_with("660 ") && lines[0] == lines[1], "the group is the one that it was: {said}");
    let wanted = [
        "mounted/t 755",
        "mounted/t/closed 555",
        "mounted/t/closed/x 644",
        "mounted/t/link 777 closed/x",
        "mounted/t/private 700",
        "mounted/t/private/deep 750",
        "mounted/t/private/deep/key 644",
        "mounted/t/unread 200",
        "mounted/team 644",
        "mounted/twin 644",
    ];
    assert_eq!(lines[2..], wanted, "{said}");
}

/// A disk that has no room for all of it leaves every file as it was, on both disks.
#[test]
fn an_artifact_that_another_disk_has_no_room_for() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["out/mounted", "made/mounted/tree"] {
        std::fs::create_dir_all(path(name)).unwrap();
    }
    for (name, text) in [("a", b"new".to_vec()), ("mounted/b", b"new".to_vec()), ("mounted/tree/c", noise(2 << 20, 5))]
    {
        std::fs::write(path(&format!("made/{name}")), text).unwrap();
    }
    let ocireg = command().display().to_string();
    let script = r#"mount -t tmpfs -o size=1m none "$1/mounted" || exit 99
        cd "$3" && "$2" artifact push "oci:$4:v1" --artifact-type a/b a mounted/b mounted/tree >&2 || exit
        echo old >"$1/a" && echo old >"$1/mounted/b" || exit
        "$2" --json-errors artifact pull "oci:$4:v1" -o "$1"; status=$?
        cat "$1/a" "$1/mounted/b"; find "$1/mounted" -mindepth 1 | sed "s,$1/,,"
        mount -o remount,size=8m "$1/mounted" && "$2" artifact pull "oci:$4:v1" -o "$1" >/dev/null || exit 98
        diff -r "$3" "$1" && exit $status"#;
    let arguments = [path("out"), ocireg, path("made"), path("layout")];
    let Some(output) = in_namespace(script, &arguments.each_ref().map(String::as_str)) else { return };
    let (said, out) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(Code::Io as i32), "{said}{out}");
    assert!(said.contains("No space left on device"), "{said}");
    assert_eq!(out, "old\nold\nmounted/b\n");
}
