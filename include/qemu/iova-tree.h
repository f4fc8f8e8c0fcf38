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
#include "exec/memory.h"

/* One mapping, or a needle to search for. */
typedef struct DMAMap {
    hwaddr size;            /* bytes minus one: HWADDR_MAX is the whole space */
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

/*
 * Called for a mapping of a tree; returns true to stop.  The tree must not
 * be changed from inside.
 */
typedef bool (*IOVATreeVisit)(const DMAMap *map, void *opaque);

/*
 * The `const DMAMap *` that a function returns or hands to a visitor belongs
 * to the tree and stays valid until its mapping is removed.  The mapping seen
 * through it changes only by iova_tree_insert_merge(), which may make it
 * larger or remove it in favour of its neighbour, and by
 * iova_tree_remove_range(), which may make it smaller.
 *
 * Where a needle or a key names a range that would pass the end of the
 * 64-bit space, the range ends there.
 */

/* An empty tree whose key is the IOVA range. */
IOVATree *iova_tree_new(void);

/* An empty tree whose key is the translated range. */
IOVATree *gpa_tree_new(void);

/* Frees a tree of either kind with all its mappings. */
void iova_tree_destroy(IOVATree *tree);

/*
 * Adds a copy of @map; O(log n).  gpa_tree_insert() is for trees from
 * gpa_tree_new(), iova_tree_insert() for the others.
 *
 * IOVA_ERR_INVALID: the key range wraps, the permission is IOMMU_NONE, or the
 *                   tree is of the other kind.
 * IOVA_ERR_OVERLAP: a mapping intersects the key range.
 */
int iova_tree_insert(IOVATree *tree, const DMAMap *map);
int gpa_tree_insert(IOVATree *tree, const DMAMap *map);

/*
 * As the insert for this kind of tree, but @map melts into the mapping before
 * it, the one after it, or both, where the permission is equal and both
 * ranges go on without a gap, so that the tree holds as few mappings as can
 * be; O(log n).
 */
int iova_tree_insert_merge(IOVATree *tree, const DMAMap *map);

/*
 * Removes each mapping that intersects the key range of @map, whole, also
 * where the range covers it only in part; O(log n) for each mapping removed.
 * No such mapping: nothing happens.  @map is a value because callers pass
 * what a search returned, which goes away in this call.
 */
void iova_tree_remove(IOVATree *tree, DMAMap map);

/*
 * Removes exactly [@first, @last], both inclusive, from the key space: a
 * mapping that is covered in part keeps the rest, as two mappings where the
 * range lies inside of it; O(log n) for each mapping touched.  Does nothing
 * where @last is below @first.
 */
void iova_tree_remove_range(IOVATree *tree, hwaddr first, hwaddr last);

/*
 * The lowest mapping whose key range intersects that of @map, or NULL;
 * O(log n).
 */
const DMAMap *iova_tree_find(const IOVATree *tree, const DMAMap *map);

/*
 * The reverse search: the first mapping, in key order, whose translated range
 * intersects that of @map, or NULL.  Works on trees of either kind; O(log n)
 * where the translated range is the key, else O(n).
 */
const DMAMap *iova_tree_find_iova(const IOVATree *tree, const DMAMap *map);

/*
 * Calls @visit in key order for each mapping that intersects [@first, @last],
 * both inclusive, until it returns true; O(log n), then O(1) a mapping.
 * Returns whether @visit stopped it.
 */
bool iova_tree_foreach_range(const IOVATree *tree, hwaddr first, hwaddr last,
                             IOVATreeVisit visit, void *opaque);

/*
 * Finds the lowest free IOVA range for the size of @map that lies within
 * [@iova_begin, @iova_end], both inclusive, writes its start to @map->iova and
 * inserts a copy.  In the _aligned variant the range starts at a multiple of
 * @align, a power of two in bytes.  O(log n + m), with m the mappings between
 * @iova_begin and the range found.  @map is unchanged unless IOVA_OK.
 *
 * IOVA_ERR_INVALID: @iova_end is below @iova_begin, the permission is
 *                   IOMMU_NONE, @align is no power of two, or the key of the
 *                   tree is the translated range.
 * IOVA_ERR_NOMEM: no hole within the limits is large enough.
 */
int iova_tree_alloc_map(IOVATree *tree, DMAMap *map, hwaddr iova_begin,
                        hwaddr iova_end);
int iova_tree_alloc_map_aligned(IOVATree *tree, DMAMap *map, hwaddr iova_begin,
                                hwaddr iova_end, hwaddr align);

#endif
