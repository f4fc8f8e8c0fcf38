/*
 * Queries of the Intel IOMMU in machines that cannot have one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-vtd.h"

static void no_unit(Error **errp)
{
    error_setg(errp, "this machine has no intel-iommu");
}

IntelIommuInfo *coroutine_fn
qmp_x_query_vtd(const char *device, bool has_first, uint64_t first,
                bool has_last, uint64_t last, bool has_limit, uint32_t limit,
                Error **errp)
{
    if (!device) {
        return g_new0(IntelIommuInfo, 1);
    }
    no_unit(errp);
    return NULL;
}

IntelIommuExplanation *qmp_x_vtd_explain(const char *device, uint64_t iova,
                                         bool has_access,
                                         IntelIommuAccess access,
                                         bool has_pasid, uint32_t pasid,
                                         Error **errp)
{
    no_unit(errp);
    return NULL;
}
