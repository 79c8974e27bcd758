package sqlparse

import "testing"

func TestVariants(t *testing.T) {
	f := New(16).Parse([]byte("select f(1) from t"))
	read, primary := f.AsRead(), f.OnPrimary()
	switch {
	case f.ReadOnly() || !read.ReadOnly():
		t.Error("only the variant should read")
	case f.AsRead() != read || f.OnPrimary() != primary:
		t.Error("a variant should be made once")
	case read.OnPrimary().ReadOnly() || f.OnPrimary().AsRead().ReadOnly():
		t.Error("what belongs on the primary stays there")
	case !f.OnPrimary().Traits.Has(Writes) || read.OnPrimary().Traits.Has(Writes):
		t.Error("a variant of a variant was mistaken for one of the facts")
	case read.AsWrite().ReadOnly() || read.AsWrite().Traits.Has(CatalogDecides):
		t.Error("what writes isn't decided any more")
	case read.Kind != Select || len(read.Tables) != 1:
		t.Error("a variant should keep the rest")
	}
	read.RefuseStandby()
	if !f.StandbyRefused() || read.ReadOnly() {
		t.Error("a refusal counts for all variants")
	}
}

func TestVariantOfPlainFacts(t *testing.T) {
	f := New(16).Parse([]byte("delete from t"))
	if f.AsRead() != f || f.AsWrite() != f {
		t.Error("a write is one whatever the catalog says")
	}
	var made Facts
	made.RefuseStandby()
	if made.StandbyRefused() || made.OnPrimary().ReadOnly() {
		t.Error("facts that no Parser made have variants, too, but no memory")
	}
}

func TestVariantsAllocateOnce(t *testing.T) {
	f := New(16).Parse([]byte("select f(1) from t"))
	if n := testing.AllocsPerRun(100, func() { f.AsRead(); f.OnPrimary(); f.AsWrite() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
