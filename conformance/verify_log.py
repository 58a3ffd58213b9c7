#!/usr/bin/env python3
"""Verifies a Wardstone audit log from its files alone, written only from docs/formats/audit-log.md.

    verify_log.py DIRECTORY [--key VKEY] [--against CHECKPOINT_FILE]

Python 3 standard library; the Ed25519 signature is checked with `openssl` when there is one.
Exit code 0: intact. 1: problems, one a line. 2: could not run.
"""
import base64, functools, glob, hashlib, os, re, subprocess, sys, tempfile

LEAF, HEADER, SEGMENT_HEADER, WIDTH = 83, 48, 32, 256
problems, notes = [], []
be = functools.partial(int.from_bytes, byteorder="big")

def sha(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()

class Range:
    """RFC 6962 compact range: the roots of the perfect subtrees on the left edge."""

    def __init__(self):
        self.size, self.nodes = 0, []

    def append(self, leaf_hash):
        node, size = leaf_hash, self.size
        while size & 1:
            node, size = sha(b"\1", self.nodes.pop(), node), size >> 1
        self.nodes.append(node)
        self.size += 1

    def root(self):
        return functools.reduce(lambda right, left: sha(b"\1", left, right), reversed(self.nodes)) if self.nodes else sha()

def tree_root(hashes):
    tree = Range()
    list(map(tree.append, hashes))
    return tree.root()

def read(path):
    return open(path, "rb").read() if os.path.isfile(path) else None

def check_ed25519(key, message, signature):
    """True, False, or None when nothing here can check it."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        for name, data in zip(names, (bytes.fromhex("302a300506032b6570032100") + key, message, signature)):
            open(name, "wb").write(data)
        try:
            command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", names[0], "-rawin",
                       "-in", names[1], "-sigfile", names[2]]
            return subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            return None

def parse_checkpoint(note, vkey, place):
    """(origin, size, root) of a signed note, or None."""
    try:
        name, key_id, typed = vkey.strip().split("+", 2)
        typed = base64.b64decode(typed, validate=True)
        if sha(name.encode(), b"\n", typed)[:4].hex() != key_id or typed[0] != 1 or len(typed) != 33:
            raise ValueError("verifier key")
        text, lines = note.decode()[:-1].rsplit("\n\n", 1)
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        checked = False
        for line in lines.split("\n"):
            dash, signer, encoded = line.split(" ")
            raw = base64.b64decode(encoded, validate=True)
            if dash != "\u2014" or not note.endswith(b"\n"):
                raise ValueError("signature line")
            if signer == name and raw[:4].hex() == key_id:
                good = check_ed25519(typed[1:], text.encode(), raw[4:])
                if good is False:
                    raise ValueError("signature")
                if good is None:
                    notes.append(f"{place}: SIGNATURE NOT CHECKED (no openssl)")
                checked = True
        if not checked or origin != name or str(int(size)) != size:
            raise ValueError("not signed by the key")
        return origin, int(size), base64.b64decode(root, validate=True)
    except (ValueError, IndexError) as error:
        problems.append(f"BadSignature: {place}: {error}")
        return None

def tile_path(folder, index, width):
    digits = f"{index:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = re.findall("...", digits)
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{folder}/{path}" + ("" if width == WIDTH else f".p/{width}")

def read_tile(base, folder, index, width, item):
    data = read(os.path.join(base, tile_path(folder, index, width)))
    if data is None:
        data = (read(os.path.join(base, tile_path(folder, index, WIDTH))) or b"")[:width * item]
    if len(data) != width * item:
        problems.append(f"Missing: {tile_path(folder, index, width)}: not there or of wrong length")
        return None
    return [data[at:at + item] for at in range(0, len(data), item)]

def walk_segments(base):
    """Every leaf of every segment in order."""
    files = sorted(glob.glob(os.path.join(base, "segment-*.log")), key=lambda path: int(path[:-4].rsplit("-", 1)[1]))
    leaves, data, firsts = [], [], []
    for number, path in enumerate(files, 1):
        content, name = read(path), os.path.basename(path)
        head = content[:SEGMENT_HEADER]
        if head[:8] != b"WSAUDIT1" or head[24:] != sha(head[:24])[:8] or be(head[8:12]) != int(name[:-4].rsplit("-", 1)[1]):
            problems.append(f"Edited: {name}: header")
        if int(name[:-4].rsplit("-", 1)[1]) != number:
            problems.append(f"Missing: a segment before {name}")
        data.append((name, content))
        firsts.append(be(head[16:24]))
    for place, (name, content) in enumerate(data):
        limit = firsts[place + 1] if place + 1 < len(data) else None
        at = SEGMENT_HEADER
        while at < len(content) and content[at:].strip(b"\0"):
            if limit is not None and len(leaves) >= limit:
                notes.append(f"{name} at {at}: a record that was never acknowledged")
                break
            head = content[at:at + HEADER]
            first, count, sealed = be(head[8:16]), be(head[16:20]), be(head[36:40])
            end = at + HEADER + count * LEAF + sealed
            body = content[at + HEADER:end]
            if head[:8] != b"WREC\1\0\0\0" or end > len(content) or sha(head[:40], body)[:8] != head[40:]:
                problems.append(f"Edited: {name} at {at}: the record's checksum is wrong or its end is missing")
                return leaves, len(files)
            if first != len(leaves):
                problems.append(f"Missing or reordered: {name} at {at}: leaf {first} where {len(leaves)} was due")
                return leaves, len(files)
            leaves += [body[leaf * LEAF:(leaf + 1) * LEAF] for leaf in range(count)]
            at = end
    return leaves, len(files)

def walk_tiles(base, size):
    """Leaf hashes from the entry bundles, every tile recomputed and compared."""
    entries, hashes = [], []
    for index in range(-(-size // WIDTH)):
        bundle = read_tile(base, "entries", index, min(WIDTH, size - index * WIDTH), LEAF + 2)
        if bundle is None:
            return None, None
        if any(be(item[:2]) != LEAF for item in bundle):
            problems.append(f"Edited: {tile_path('entries', index, len(bundle))}: entry length")
        entries += [item[2:] for item in bundle]
    level_hashes = hashes = [sha(b"\0", entry) for entry in entries]
    level = 0
    while level_hashes:
        for index in range(-(-len(level_hashes) // WIDTH)):
            expected = level_hashes[index * WIDTH:(index + 1) * WIDTH]
            found = read_tile(base, level, index, len(expected), 32)
            if found is not None and found != expected:
                problems.append(f"Edited: {tile_path(level, index, len(expected))}: not what the level below leads to")
        full = len(level_hashes) // WIDTH
        level_hashes = [tree_root(level_hashes[i * WIDTH:(i + 1) * WIDTH]) for i in range(full)]
        level += 1
    return entries, hashes

def main(arguments):
    options = dict(zip(arguments[1::2], arguments[2::2]))
    if not arguments or set(options) - {"--key", "--against"}:
        print(__doc__)
        return 2
    base = arguments[0]
    vkey = options.get("--key") or (read(os.path.join(base, "vkey")) or b"").decode()
    if "--key" not in options:
        notes.append("the key was taken from the log's own folder: whoever wrote the log chose it")
    note = read(os.path.join(base, "checkpoint"))
    own = parse_checkpoint(note, vkey, "checkpoint") if note is not None else None
    anchors = [("checkpoint", own, "Edited")] if own else []
    if "--against" in options:
        external = parse_checkpoint(read(options["--against"]) or b"", vkey, "external checkpoint")
        if external:
            anchors.append(("external checkpoint", external, "Forked"))
    leaves, segments = walk_segments(base)
    entries, hashes = walk_tiles(base, own[1]) if own else (None, None)
    if not segments:
        problems.append("Missing: no segment of a log is here")
    if leaves and not own:
        problems.append("Missing: no valid checkpoint")
    if own and len(leaves) < own[1]:
        problems.append(f"Truncated: segments hold {len(leaves)} leaves, the checkpoint covers {own[1]}")
    for index, (leaf, entry) in enumerate(zip(leaves, entries or [])):
        if leaf != entry:
            problems.append(f"Edited: leaf {index}: segment and entry bundle differ")
    from_segments = [sha(b"\0", leaf) for leaf in leaves]
    for name, (_, size, root), kind in anchors:
        if size > max(len(leaves), own[1] if own else 0):
            problems.append(f"RolledBack: the log has {len(leaves)} leaves, the {name} covers {size}")
            continue
        for way, found in (("segments", from_segments), ("tiles", hashes)):
            if found is not None and len(found) >= size and tree_root(found[:size]) != root:
                problems.append(f"{kind}: the {way} lead to another root than the {name} of size {size}")
    for line in problems + [f"note: {line}" for line in notes]:
        print(line)
    print(f"{len(leaves)} leaves in {segments} segments, {len(leaves) - (own[1] if own else 0)} beyond the checkpoint")
    if "--against" not in options:
        print("a rollback of the whole log cannot be excluded: no external checkpoint was given")
    print("NOT INTACT" if problems else "intact")
    return 1 if problems else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
