package sqlparse

import "sync/atomic"

// shared is what the variants of facts have in common.
type shared struct {
	refused atomic.Bool

	read, write, primary atomic.Pointer[Facts] // the variants; each is made once
}

// RefuseStandby remembers that a standby refused a statement of this shape
// (SQLSTATE 25006, read_only_sql_transaction, or its kin), for all variants of the
// facts. It is forgotten when the cache drops the shape, and has no effect on others
// when the text isn't cached.
func (f *Facts) RefuseStandby() {
	if f.shared != nil {
		f.shared.refused.Store(true)
	}
}

// StandbyRefused says whether RefuseStandby was called.
func (f *Facts) StandbyRefused() bool { return f.shared != nil && f.shared.refused.Load() }

// AsRead are the facts of a text with the trait CatalogDecides, for one who knows that
// its functions only read.
func (f *Facts) AsRead() *Facts {
	if !f.Traits.Has(CatalogDecides) {
		return f
	}
	return f.variant(func(s *shared) *atomic.Pointer[Facts] { return &s.read }, f.Traits&^(Writes|CatalogDecides))
}

// AsWrite are the facts for one who knows that the text writes.
func (f *Facts) AsWrite() *Facts {
	return f.variant(func(s *shared) *atomic.Pointer[Facts] { return &s.write }, f.Traits&^CatalogDecides|Writes)
}

// OnPrimary are the facts for one who knows that only the primary can or should run
// the text, although it doesn't write. A text that does is left as it is.
func (f *Facts) OnPrimary() *Facts {
	if f.Traits.Has(PrimaryOnly) {
		return f
	}
	return f.variant(func(s *shared) *atomic.Pointer[Facts] { return &s.primary }, f.Traits|PrimaryOnly)
}

// variant finds or makes the facts with other traits. Variants of variants aren't kept.
func (f *Facts) variant(slot func(*shared) *atomic.Pointer[Facts], traits Traits) *Facts {
	if f.Traits == traits {
		return f
	}
	if f.shared == nil {
		return f.with(traits)
	}
	p := slot(f.shared)
	if v := p.Load(); v != nil && v.Traits == traits {
		return v
	}
	v := f.with(traits)
	p.CompareAndSwap(nil, v)
	return v
}

func (f *Facts) with(traits Traits) *Facts {
	v := *f
	v.Traits = traits
	return &v
}
