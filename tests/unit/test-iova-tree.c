/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "qemu/iova-tree.h"

static void test_empty(void)
{
    IOVATree *tree = iova_tree_new();
    DMAMap all = { .size = HWADDR_MAX };

    g_assert_null(iova_tree_find(tree, &all));
    iova_tree_destroy(tree);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iova-tree/empty", test_empty);
    return g_test_run();
}
