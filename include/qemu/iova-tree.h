/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Map from IOVA ranges to (translated address, permission)
 *
 * A tree holds mappings that never overlap each other in its key, which is
 * the IOVA range (iova_tree_new()) or the translated range (gpa_tree_new()).
 * The other range is a plain value: it may repeat from mapping to mapping.
 *
 * Addresses and sizes are in bytes.  Nothing here locks: whoever owns a tree
 * serialises every call on it, lookups against changes included.
 *
 * n is the number of mappings in the tree in what is said about cost.
 */

#ifndef QEMU_IOVA_TREE_H
#define QEMU_IOVA_TREE_H

#include "exec/hwaddr.h"
#include "system/memory.h"

/**
 * struct DMAMap: one mapping, or a needle to search for
 * @size: bytes minus one; HWADDR_MAX is the whole space
 * @iova: first address of the IOVA range
 * @perm: permission
 * @translated_addr: first address of the translated range
 */
typedef struct DMAMap {
    hwaddr size;
    hwaddr iova;
    IOMMUAccessFlags perm;
    hwaddr translated_addr;
} DMAMap;

/* Results.  Callers compare to IOVA_OK and print the number. */
enum {
    IOVA_ERR_NOMEM = -3,    /* no hole is large enough */
    IOVA_ERR_OVERLAP,       /* the key range is taken, if only in part */
    IOVA_ERR_INVALID,       /* an argument makes no sense */
    IOVA_OK,
};

/* Mappings in the order of one of their two ranges */
typedef struct IOVATree IOVATree;

/**
 * IOVATreeVisit: called for a mapping of a tree
 * @map: the mapping
 * @opaque: what the caller of the visit gave
 *
 * The tree must not be changed from inside.
 *
 * Returns: true to stop.
 */
typedef bool (*IOVATreeVisit)(const DMAMap *map, void *opaque);

/*
 * The `const DMAMap *` that a function returns or hands to a visitor belongs
 * to the tree and stays valid until its mapping is removed.  The mapping seen
 * through it changes only by iova_tree_remove_range(), which may make it
 * smaller.
 *
 * Where a needle or a key names a range that would pass the end of the
 * 64-bit space, the range ends there.
 */

/**
 * iova_tree_new: make an empty tree whose key is the IOVA range
 *
 * Returns: the tree, for iova_tree_destroy().
 */
IOVATree *iova_tree_new(void);

/**
 * gpa_tree_new: make an empty tree whose key is the translated range
 *
 * Returns: the tree, for iova_tree_destroy().
 */
IOVATree *gpa_tree_new(void);

/**
 * iova_tree_destroy: free a tree with all its mappings
 * @tree: a tree of either kind
 */
void iova_tree_destroy(IOVATree *tree);

/**
 * iova_tree_insert: add a copy of a mapping
 * @tree: a tree of iova_tree_new()
 * @map: the mapping
 *
 * Costs O(log n).
 *
 * Returns: IOVA_OK; IOVA_ERR_INVALID if the key range wraps, the permission is
 * IOMMU_NONE, or the tree is of the other kind; IOVA_ERR_OVERLAP if a mapping
 * intersects the key range.
 */
int iova_tree_insert(IOVATree *tree, const DMAMap *map);

/**
 * gpa_tree_insert: add a copy of a mapping
 * @tree: a tree of gpa_tree_new()
 * @map: the mapping
 *
 * As iova_tree_insert().
 *
 * Returns: as iova_tree_insert().
 */
int gpa_tree_insert(IOVATree *tree, const DMAMap *map);

/**
 * iova_tree_remove: remove each mapping that intersects a range, whole
 * @tree: a tree of either kind
 * @map: its key range is the range
 *
 * A mapping goes also where the range covers it only in part.  If there is
 * none, nothing happens.  Costs O(log n) for each mapping removed.
 *
 * @map is a value because callers pass what a search returned, which goes away
 * in this call.
 */
void iova_tree_remove(IOVATree *tree, DMAMap map);

/**
 * iova_tree_remove_range: remove exactly a range from the key space
 * @tree: a tree of either kind
 * @first: first address
 * @last: last address; below @first nothing happens
 *
 * A mapping that is covered in part keeps the rest, as two mappings where the
 * range lies inside of it.  Costs O(log n) for each mapping touched.
 */
void iova_tree_remove_range(IOVATree *tree, hwaddr first, hwaddr last);

/**
 * iova_tree_find: look a range up by the key
 * @tree: a tree of either kind
 * @map: its key range is the range
 *
 * Costs O(log n).
 *
 * Returns: the lowest mapping whose key range intersects the range, or NULL.
 */
const DMAMap *iova_tree_find(const IOVATree *tree, const DMAMap *map);

/**
 * iova_tree_find_iova: look a range up by the translated range
 * @tree: a tree of either kind
 * @map: its translated range is the range
 *
 * Costs O(log n) where the translated range is the key, else O(n).
 *
 * Returns: the first mapping, in key order, whose translated range intersects
 * the range, or NULL.
 */
const DMAMap *iova_tree_find_iova(const IOVATree *tree, const DMAMap *map);

/**
 * iova_tree_foreach_range: visit the mappings that intersect a range
 * @tree: a tree of either kind
 * @first: first address
 * @last: last address
 * @visit: called for each, in key order, until it returns true
 * @opaque: for @visit
 *
 * Costs O(log n), then O(1) for each mapping.
 *
 * Returns: whether @visit stopped it.
 */
bool iova_tree_foreach_range(const IOVATree *tree, hwaddr first, hwaddr last,
                             IOVATreeVisit visit, void *opaque);

/**
 * iova_tree_alloc_map: find a free IOVA range, and insert a mapping there
 * @tree: a tree of iova_tree_new()
 * @map: its size is that of the range; its iova is written on success
 * @iova_begin: lowest address
 * @iova_end: highest address
 *
 * The range is the lowest one.  Costs O(log n + m), with m the mappings between
 * @iova_begin and the range found.
 *
 * Returns: IOVA_OK; IOVA_ERR_INVALID if @iova_end is below @iova_begin, the
 * permission is IOMMU_NONE, or the key of the tree is the translated range;
 * IOVA_ERR_NOMEM if no hole within the limits is large enough.
 */
int iova_tree_alloc_map(IOVATree *tree, DMAMap *map, hwaddr iova_begin,
                        hwaddr iova_end);

#endif
