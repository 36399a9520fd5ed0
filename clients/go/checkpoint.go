package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	pb "example.com/ndp-client/gen/ndp/registry/v1"
)

// newestCheckpoint reads the registry's checkpoint and keeps it in a file. It refuses one that the
// key did not sign, and one that does not begin with the log of the checkpoint kept before: then the
// log was rewound or rewritten, or another caller is shown another log. The file stays as it was.
func newestCheckpoint(
	ctx context.Context, client pb.ChangeServiceClient, file, publicKey string,
) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(publicKey)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the public key: %w", err)
	}
	answer, err := client.GetCheckpoint(ctx, &pb.GetCheckpointRequest{Name: "checkpoint"})
	if err != nil {
		return tlog.Tree{}, err
	}
	newest, err := openCheckpoint([]byte(answer.GetNote()), verifier)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("the registry's checkpoint: %w", err)
	}
	kept, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return tlog.Tree{}, err
	default:
		last, err := openCheckpoint(kept, verifier)
		if err != nil {
			return tlog.Tree{}, fmt.Errorf("%s: %w", file, err)
		}
		if err := continues(ctx, client, last, newest); err != nil {
			return tlog.Tree{}, fmt.Errorf("%w; keep %s and this checkpoint as evidence:\n%s",
				err, file, answer.GetNote())
		}
	}
	return newest, replace(file, []byte(answer.GetNote()))
}

// openCheckpoint verifies the signature of a checkpoint and reads it.
func openCheckpoint(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return tlog.Tree{}, fmt.Errorf("%q is not a size", lines[1])
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// continues asks the registry to prove that its log begins with that of an earlier checkpoint.
func continues(
	ctx context.Context, client pb.ChangeServiceClient, last, newest tlog.Tree,
) error {
	switch {
	case newest.N < last.N:
		return fmt.Errorf("the log was rewound: it has %d changes, and had %d", newest.N, last.N)
	case newest == last || last.N == 0:
		return nil
	case newest.N == last.N:
		return fmt.Errorf("the log was forked: its %d changes are others", last.N)
	}
	answer, err := client.ProveConsistency(ctx, &pb.ProveConsistencyRequest{
		OldTreeSize: last.N,
		NewTreeSize: newest.N,
	})
	if err != nil {
		return err
	}
	proof, err := hashes(answer.GetHashes())
	if err != nil {
		return err
	}
	if tlog.CheckTree(proof, newest.N, newest.Hash, last.N, last.Hash) != nil {
		return fmt.Errorf("the log was forked: its first %d changes are others", last.N)
	}
	return nil
}

// proveChange verifies that a change is in the log of a checkpoint.
func proveChange(
	ctx context.Context, client pb.ChangeServiceClient, change string, tree tlog.Tree,
) error {
	answer, err := client.ProveInclusion(ctx, &pb.ProveInclusionRequest{
		Name:     change,
		TreeSize: tree.N,
	})
	if err != nil {
		return err
	}
	var entry []byte
	digests := append([][]byte{answer.GetHeaderDigest()}, answer.GetEffectDigests()...)
	for _, digest := range digests {
		entry = binary.BigEndian.AppendUint64(entry, uint64(len(digest)))
		entry = append(entry, digest...)
	}
	proof, err := hashes(answer.GetHashes())
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(change, "changes/"), 10, 64)
	if err != nil {
		return err
	}
	err = tlog.CheckRecord(proof, tree.N, tree.Hash, index-1, tlog.RecordHash(entry))
	if err != nil {
		return fmt.Errorf("%s is not in the log: %w", change, err)
	}
	return nil
}

func hashes(answer [][]byte) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(answer))
	for i, hash := range answer {
		if copy(all[i][:], hash) != tlog.HashSize || len(hash) != tlog.HashSize {
			return nil, errors.New("a hash in the answer is of another length")
		}
	}
	return all, nil
}

// replace writes a file atomically: a reader finds the old content or the new one.
func replace(file string, content []byte) error {
	made, err := os.CreateTemp(filepath.Dir(file), ".checkpoint-*")
	if err != nil {
		return err
	}
	_, err = made.Write(content)
	err = errors.Join(err, made.Sync(), made.Close())
	if err == nil {
		err = os.Rename(made.Name(), file)
	}
	if err != nil {
		os.Remove(made.Name())
	}
	return err
}
