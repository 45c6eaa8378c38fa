// Asks golang.org/x/mod/sumdb/{note,tlog} about each case on standard input: one JSON list in,
// one JSON list of booleans out. Sizes and roots come only from notes that `note` has opened.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type testCase struct {
	Kind    string   `json:"kind"`
	Key     string   `json:"key"`
	Witness string   `json:"witness"`
	Note    string   `json:"note"`
	Old     string   `json:"old"`
	Entry   []byte   `json:"entry"`
	Index   int64    `json:"index"`
	Proof   [][]byte `json:"proof"`
}

// witness is a note.Verifier of C2SP tlog-cosignature, type 4, which the package has no own for.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newWitness(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not a witness's key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:4])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("another key's id")
	}
	return &witness{parts[0], hash, ed25519.PublicKey(key[1:])}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig[:8])
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return ed25519.Verify(w.key, []byte(signed), sig[8:])
}

func open(key, signed string) (size int64, root tlog.Hash, err error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return 0, root, err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return 0, root, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return 0, root, errors.New("not a checkpoint of this log")
	}
	if size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return 0, root, err
	}
	decoded, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(decoded) != tlog.HashSize {
		return 0, root, errors.New("not a root")
	}
	copy(root[:], decoded)
	return size, root, nil
}

func hashes(proof [][]byte) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(proof))
	for i, value := range proof {
		if len(value) != tlog.HashSize {
			return nil, errors.New("not a hash")
		}
		copy(out[i][:], value)
	}
	return out, nil
}

func judge(c testCase) error {
	size, root, err := open(c.Key, c.Note)
	if err != nil {
		return err
	}
	proof, err := hashes(c.Proof)
	if err != nil {
		return err
	}
	switch c.Kind {
	case "checkpoint":
		return nil
	case "cosignature":
		witness, err := newWitness(c.Witness)
		if err != nil {
			return err
		}
		_, err = note.Open([]byte(c.Note), note.VerifierList(witness))
		return err
	case "inclusion":
		return tlog.CheckRecord(proof, size, root, c.Index, tlog.RecordHash(c.Entry))
	case "consistency":
		oldSize, oldRoot, err := open(c.Key, c.Old)
		if err != nil {
			return err
		}
		return tlog.CheckTree(proof, size, root, oldSize, oldRoot)
	}
	return errors.New("no such kind")
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	accepted := make([]bool, len(cases))
	for i, c := range cases {
		accepted[i] = judge(c) == nil
	}
	if err := json.NewEncoder(os.Stdout).Encode(accepted); err != nil {
		panic(err)
	}
}
