/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Map from IOVA ranges to (translated address, permission)
 *
 * Owns the nodes, their order and the search for holes; what mappings mean is
 * the callers' business.  The caller's lock guards a tree.
 *
 * Nodes sit in a GTree, which finds one in O(log n), and in a list in the same
 * order, which makes the step to a neighbour O(1): GLib offers that step only
 * from 2.68 on, past what QEMU asks for.  Both ends of a node's key range are
 * inclusive, so the last byte of the 64-bit space is like any other.
 */

#include "qemu/osdep.h"
#include "qemu/iova-tree.h"

typedef struct IOVANode IOVANode;

struct IOVANode {
    DMAMap map;
    hwaddr first;               /* key range, inclusive: from map, by the */
    hwaddr last;                /* kind of the tree */
    IOVANode *prev;
    IOVANode *next;
};

struct IOVATree {
    GTree *nodes;               /* IOVANode, by key range */
    IOVANode ends;              /* list head: next is the lowest node, prev */
                                /* the highest; no node itself */
    bool by_translated;         /* key is the translated range */
};

/* Nodes of one tree are disjoint, so their first bytes order them. */
static gint node_compare(gconstpointer pa, gconstpointer pb, gpointer unused)
{
    const IOVANode *a = pa, *b = pb;

    return a->first < b->first ? -1 : a->first > b->first;
}

static hwaddr range_last(hwaddr first, hwaddr size)
{
    return size > HWADDR_MAX - first ? HWADDR_MAX : first + size;
}

static bool range_wraps(hwaddr first, hwaddr size)
{
    return size > HWADDR_MAX - first;
}

static hwaddr key_first(const IOVATree *tree, const DMAMap *map)
{
    return tree->by_translated ? map->translated_addr : map->iova;
}

static hwaddr key_last(const IOVATree *tree, const DMAMap *map)
{
    return range_last(key_first(tree, map), map->size);
}

typedef struct {
    hwaddr addr;
    IOVANode *best;
} LowerBound;

static gint lower_bound_step(gconstpointer node, gconstpointer opaque)
{
    LowerBound *lb = (LowerBound *)opaque;

    if (((IOVANode *)node)->last < lb->addr) {
        return 1;
    }
    lb->best = (IOVANode *)node;
    return -1;
}

/* The lowest node that ends at @addr or above; the list head if none does. */
static IOVANode *lower_bound(const IOVATree *tree, hwaddr addr)
{
    LowerBound lb = { .addr = addr, .best = (IOVANode *)&tree->ends };

    g_tree_search(tree->nodes, lower_bound_step, &lb);
    return lb.best;
}

static bool is_node(const IOVATree *tree, const IOVANode *node)
{
    return node != &tree->ends;
}

/* @node is at or after the lower bound of a range that ends at @last. */
static bool is_node_upto(const IOVATree *tree, const IOVANode *node,
                         hwaddr last)
{
    return is_node(tree, node) && node->first <= last;
}

static void node_add(IOVATree *tree, const DMAMap *map, IOVANode *next)
{
    IOVANode *node = g_new(IOVANode, 1);

    *node = (IOVANode) {
        .map = *map,
        .first = key_first(tree, map),
        .last = key_last(tree, map),
        .prev = next->prev,
        .next = next,
    };
    node->prev->next = node;
    node->next->prev = node;
    g_tree_insert(tree->nodes, node, node);
}

static void node_remove(IOVATree *tree, IOVANode *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    g_tree_remove(tree->nodes, node);
}

/* Moves the ends inward or into free space: the order stays as it is. */
static void node_resize(IOVANode *node, hwaddr first, hwaddr last)
{
    hwaddr offset = first - node->first;

    node->map.iova += offset;
    node->map.translated_addr += offset;
    node->map.size = last - first;
    node->first = first;
    node->last = last;
}

static IOVATree *tree_new(bool by_translated)
{
    IOVATree *tree = g_new0(IOVATree, 1);

    tree->nodes = g_tree_new_full(node_compare, NULL, g_free, NULL);
    tree->ends.prev = &tree->ends;
    tree->ends.next = &tree->ends;
    tree->by_translated = by_translated;
    return tree;
}

IOVATree *iova_tree_new(void)
{
    return tree_new(false);
}

IOVATree *gpa_tree_new(void)
{
    return tree_new(true);
}

void iova_tree_destroy(IOVATree *tree)
{
    g_tree_destroy(tree->nodes);
    g_free(tree);
}

/* On IOVA_OK, @next is the node that the new mapping goes before. */
static int insert_check(const IOVATree *tree, const DMAMap *map,
                        IOVANode **next)
{
    hwaddr first = key_first(tree, map);

    if (map->perm == IOMMU_NONE || range_wraps(first, map->size)) {
        return IOVA_ERR_INVALID;
    }
    *next = lower_bound(tree, first);
    if (is_node_upto(tree, *next, key_last(tree, map))) {
        return IOVA_ERR_OVERLAP;
    }
    return IOVA_OK;
}

static int insert(IOVATree *tree, const DMAMap *map)
{
    IOVANode *next;
    int ret = insert_check(tree, map, &next);

    if (ret == IOVA_OK) {
        node_add(tree, map, next);
    }
    return ret;
}

int iova_tree_insert(IOVATree *tree, const DMAMap *map)
{
    return tree->by_translated ? IOVA_ERR_INVALID : insert(tree, map);
}

int gpa_tree_insert(IOVATree *tree, const DMAMap *map)
{
    return tree->by_translated ? insert(tree, map) : IOVA_ERR_INVALID;
}

void iova_tree_remove(IOVATree *tree, DMAMap map)
{
    hwaddr last = key_last(tree, &map);
    IOVANode *node = lower_bound(tree, key_first(tree, &map));

    while (is_node_upto(tree, node, last)) {
        IOVANode *next = node->next;

        node_remove(tree, node);
        node = next;
    }
}

void iova_tree_remove_range(IOVATree *tree, hwaddr first, hwaddr last)
{
    IOVANode *node, *next;

    if (last < first) {
        return;
    }
    for (node = lower_bound(tree, first); is_node_upto(tree, node, last);
         node = next) {
        bool keep_head = node->first < first;
        bool keep_tail = node->last > last;

        next = node->next;
        if (keep_head && keep_tail) {
            IOVANode tail = *node;

            node_resize(node, node->first, first - 1);
            node_resize(&tail, last + 1, tail.last);
            node_add(tree, &tail.map, next);
        } else if (keep_head) {
            node_resize(node, node->first, first - 1);
        } else if (keep_tail) {
            node_resize(node, last + 1, node->last);
        } else {
            node_remove(tree, node);
        }
    }
}

const DMAMap *iova_tree_find(const IOVATree *tree, const DMAMap *map)
{
    IOVANode *node = lower_bound(tree, key_first(tree, map));

    return is_node_upto(tree, node, key_last(tree, map)) ? &node->map : NULL;
}

const DMAMap *iova_tree_find_iova(const IOVATree *tree, const DMAMap *map)
{
    hwaddr first = map->translated_addr;
    hwaddr last = range_last(first, map->size);
    const IOVANode *node;

    if (tree->by_translated) {
        return iova_tree_find(tree, map);
    }
    for (node = tree->ends.next; is_node(tree, node); node = node->next) {
        const DMAMap *m = &node->map;

        if (m->translated_addr <= last &&
            range_last(m->translated_addr, m->size) >= first) {
            return m;
        }
    }
    return NULL;
}

bool iova_tree_foreach_range(const IOVATree *tree, hwaddr first, hwaddr last,
                             IOVATreeVisit visit, void *opaque)
{
    const IOVANode *node;

    if (last < first) {
        return false;
    }
    for (node = lower_bound(tree, first); is_node_upto(tree, node, last);
         node = node->next) {
        if (visit(&node->map, opaque)) {
            return true;
        }
    }
    return false;
}

int iova_tree_alloc_map(IOVATree *tree, DMAMap *map, hwaddr iova_begin,
                        hwaddr iova_end)
{
    hwaddr iova = iova_begin;
    IOVANode *node;

    if (iova_end < iova_begin || map->perm == IOMMU_NONE ||
        tree->by_translated) {
        return IOVA_ERR_INVALID;
    }

    /* Move iova up past each node that a range there would hit */
    for (node = lower_bound(tree, iova_begin); ; node = node->next) {
        if (iova > iova_end || map->size > iova_end - iova) {
            return IOVA_ERR_NOMEM;
        }
        if (!is_node_upto(tree, node, iova + map->size)) {
            break;
        }
        if (node->last == HWADDR_MAX) {
            return IOVA_ERR_NOMEM;
        }
        iova = node->last + 1;
    }

    map->iova = iova;
    node_add(tree, map, node);
    return IOVA_OK;
}
